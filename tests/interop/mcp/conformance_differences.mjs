// Where a check ends otherwise through the guard, with the reason; what is not listed must end the same. And how
// many scenarios the server by itself passes: a suite that no longer reaches it would be the same on both sides.

export const PASSED = { '2025-11-25': 30, '2026-07-28': 41 };

/** Each is `{ version, scenario, changed: { id: STATUS }, why }`. */
export const DIFFERENCES = [
  {
    version: '2026-07-28',
    scenario: 'server-stateless',
    changed: {
      'sep-2575-http-server-method-not-found-404-resources-subscribe': 'FAILURE',
      'sep-2575-http-server-method-not-found-404-resources-unsubscribe': 'FAILURE',
    },
    why:
      'the suite sends these methods, which the version no longer has, without the resource that they are about: ' +
      'the guard refuses such a message with 400, since it cannot know what it would be allowed to do, before the ' +
      'server can answer that there is no such method',
  },
];
