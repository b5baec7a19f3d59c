//! Forms that post to an action: `<form p-action="contact.Submit">`.
//!
//! A form works without JavaScript: it posts to the address of its page. [`written`] finds the forms of
//! a template, [`check`] what is wrong with them, and [`rewrite`] puts calls of [`markup`] into the
//! template before the engine reads it. [`forms`] runs the action of a posted form. Start reading at
//! [`templates`].

mod address;
mod check;
mod forms;
mod inputs;
mod markup;
mod pattern;
mod render;
mod rewrite;
mod templates;
mod typed;
mod written;

pub(crate) use self::{
    check::{lint, lint_pages},
    forms::{Forms, Outcome, Posted},
    inputs::Inputs,
    markup::register,
    render::{PageForms, State, during},
    templates::Templates,
};
