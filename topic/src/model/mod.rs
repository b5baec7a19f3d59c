//! Histories of topics against simple models, over engines that fail.

mod disk;
mod nodes;
mod window;
