//! HTTP: the API for programs, and the share pages and videos for people.
//!
//! Handlers only translate. They decide nothing except what HTTP itself requires.

mod access;
mod api;
mod app;
mod auth;
mod body;
mod captions;
mod cors;
mod dialects;
mod errors;
mod forms;
mod hls;
mod hosts;
mod html;
mod json_body;
mod json_form;
mod local_network;
mod multipart;
mod needed_scopes;
mod openapi;
mod operator;
mod router;
mod screenshots;
mod share;
mod site;
mod video;
mod visitor;
mod visitor_rate;
mod watching;

pub(crate) use app::{App, AppState};
pub(crate) use hls::HELD_MAX;
pub(crate) use local_network::{router as local_network_router, visitor_rate};
pub(crate) use router::router;
pub(crate) use visitor_rate::VisitorRate;
