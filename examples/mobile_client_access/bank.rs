//! The custom identity provider: user name and password, then a PIN with three tries.

use serde::Deserialize;
use tower_resource_server::identity_provider::{
    Challenge, HandleChallengeAnswer, IdentityProvider, Outcome, StartAuthorization, States, UserIdentity,
};

/// How often a PIN may be typed in one login. (A bank would count over all logins of a customer.)
const TRIES: u32 = 3;

pub(crate) struct Bank {
    /// Who gave their password, and still has to give the PIN.
    waiting: States<PinStep>,
}

/// What the first step leaves for the second.
pub(crate) struct PinStep {
    customer: &'static Customer,
    tries_left: u32,
}

/// A bank would keep slow hashes of the secrets.
struct Customer {
    user_name: &'static str,
    display_name: &'static str,
    password: &'static str,
    pincode: &'static str,
    account_number: u32,
}

const CUSTOMERS: [Customer; 2] = [
    Customer {
        user_name: "bob.smith",
        display_name: "Bob Smith",
        password: "abcd1234",
        pincode: "1234",
        account_number: 12345,
    },
    Customer {
        user_name: "eve.jones",
        display_name: "Eve Jones",
        password: "efgh5678",
        pincode: "5678",
        account_number: 67890,
    },
];

#[derive(Deserialize)]
struct Login {
    username: String,
    password: String,
}

#[derive(Deserialize)]
struct Pin {
    pincode: String,
}

impl Bank {
    pub(crate) fn new() -> Self {
        Self::with(States::new())
    }

    pub(crate) fn with(waiting: States<PinStep>) -> Self {
        Self { waiting }
    }

    /// The first step needs no state: a client that starts a login and leaves costs nothing.
    fn check_password(&self, login: &Login) -> Outcome {
        let customer = CUSTOMERS.iter().find(|customer| customer.user_name == login.username);
        match customer.filter(|customer| customer.password == login.password) {
            Some(customer) => self.ask_pin("Enter your PIN", PinStep { customer, tries_left: TRIES }),
            None => Outcome::Failure,
        }
    }

    fn check_pin(&self, PinStep { customer, tries_left }: PinStep, pin: &Pin) -> Outcome {
        if customer.pincode == pin.pincode {
            let user = UserIdentity::new(customer.user_name, customer.display_name);
            return user.map(|user| user.with_attribute("accountNumber", customer.account_number)).into();
        }
        match tries_left - 1 {
            0 => Outcome::Failure,
            tries_left => self.ask_pin("That was not your PIN", PinStep { customer, tries_left }),
        }
    }

    fn ask_pin(&self, message: &str, step: PinStep) -> Outcome {
        let challenge = Challenge::new()
            .with("ask", "pincode")
            .with("message", message)
            .with("retriesLeft", step.tries_left);
        match self.waiting.put(step) {
            Ok(id) => challenge.with_state_id(id).into(),
            Err(_) => Outcome::Failure,
        }
    }
}

impl IdentityProvider for Bank {
    async fn start(&self, _: StartAuthorization) -> Outcome {
        Challenge::new().with("ask", "password").with("message", "Enter user name and password").into()
    }

    async fn answer(&self, request: HandleChallengeAnswer) -> Outcome {
        // Taken, so that a state is good for one try, however often it is sent and by which client. A client
        // without one is at the first step, whatever id came along: in a browser's login it is the OAuth `state`.
        match request.state_id().and_then(|id| self.waiting.take(id)) {
            None => request.parse().map_or(Outcome::Failure, |login| self.check_password(&login)),
            Some(step) => request.parse().map_or(Outcome::Failure, |pin| self.check_pin(step, &pin)),
        }
    }
}
