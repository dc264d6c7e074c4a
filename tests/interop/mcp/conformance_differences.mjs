// Where a check ends otherwise through the guard, with the reason; what is not listed must end the same. And how
// many scenarios the server by itself passes: a suite that no longer reaches it would be the same on both sides.

export const PASSED = { '2025-11-25': 30, '2026-07-28': 41 };

/** Each is `{ version, scenario, changed: { id: STATUS }, why }`. */
export const DIFFERENCES = [];
