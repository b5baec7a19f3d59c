//! Declares its own modules.
