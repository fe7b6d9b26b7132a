//! Tests of the server and the client together.
