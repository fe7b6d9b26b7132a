//! The engine on a real model.
