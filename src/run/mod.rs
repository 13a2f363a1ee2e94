//! Experiments and what they write.
