//! Other people's libraries.
