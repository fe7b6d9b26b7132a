//! Background jobs: what the queue holds is done by the workers of the daemon.
