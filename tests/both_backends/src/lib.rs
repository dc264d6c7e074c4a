//! Stands for an application that signs and verifies with jsonwebtoken and with
//! tower-resource-server in one process; see `tests/`.
