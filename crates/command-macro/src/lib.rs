//! The attribute `#[command]` of a function that windows call. It does what `#[tauri::command]` does, and
//! declares in addition, for the test that writes `ui/src/lib/bindings/commands.ts`, what the function's
//! signature says: its name, its arguments, its answer and its documentation.
//!
//! An argument that Tauri provides itself (the state, the handle, the calling window) is none of the
//! window's. A `Request` stands for bytes, which the window sends as they are.

#![warn(missing_docs, unreachable_pub)]

use proc_macro::TokenStream;
use proc_macro2::TokenStream as TokenStream2;
use quote::{format_ident, quote};
use syn::punctuated::Punctuated;
use syn::{
    Attribute, Expr, ExprLit, FnArg, GenericArgument, ItemFn, Lit, Meta, Pat, Path, PathArguments,
    ReturnType, Token, Type, parse_macro_input,
};

/// The types of arguments that Tauri provides.
const PROVIDED: [&str; 3] = ["State", "AppHandle", "WebviewWindow"];
/// The type of an argument that is the request itself: bytes that aren't JSON.
const RAW: &str = "Request";
/// Types whose TypeScript ts-rs doesn't make, and what they are called there. Another test writes `Action`;
/// `SettingsChange` is declared where the windows make changes; `api` has no TypeScript, so its `Profile` is
/// a field of a view; a `Response` is bytes that aren't JSON.
const NAMED: [(&str, &str); 4] = [
    ("Action", "Action"),
    ("SettingsChange", "SettingsChange"),
    ("Profile", "AccountView[\"profile\"]"),
    ("Response", "ArrayBuffer"),
];
/// The types of answers that may be an error, which the window gets as a rejected promise.
const FALLIBLE: [&str; 2] = ["Answer", "Result"];

/// Makes a function a command of the windows. It must be named in `src-tauri/src/commands/list.rs`.
#[proc_macro_attribute]
pub fn command(_: TokenStream, item: TokenStream) -> TokenStream {
    let function = parse_macro_input!(item as ItemFn);
    let (name, visibility) = (&function.sig.ident, &function.vis);
    let declares = format_ident!("{name}_declaration");
    let docs = docs(&function.attrs);
    let takes_bytes = function.sig.inputs.iter().any(|input| match input {
        FnArg::Typed(argument) => last_name(&argument.ty).is_some_and(|name| name == RAW),
        FnArg::Receiver(_) => false,
    });
    let arguments = function.sig.inputs.iter().filter_map(|input| {
        let FnArg::Typed(argument) = input else { return None };
        let Pat::Ident(pattern) = &*argument.pat else { return None };
        let (name, kind) = (pattern.ident.to_string(), &argument.ty);
        let is_provided =
            last_name(kind).is_some_and(|name| name == RAW || PROVIDED.contains(&name.as_str()));
        let kind = type_name(kind);
        (!is_provided).then(|| quote! { (#name, #kind) })
    });
    let answer = match &function.sig.output {
        ReturnType::Default => None,
        ReturnType::Type(_, kind) => match last_name(kind) {
            Some(name) if FALLIBLE.contains(&name.as_str()) => first_argument(kind),
            _ => Some((**kind).clone()),
        },
    };
    let answer = answer.map_or_else(
        || quote! { crate::commands::typescript::TypeName::named("void") },
        |kind| type_name(&kind),
    );
    let name = name.to_string();
    quote! {
        #[tauri::command]
        #function

        #[cfg(test)]
        #visibility fn #declares() -> crate::commands::typescript::Declaration {
            crate::commands::typescript::Declaration {
                name: #name,
                docs: #docs,
                arguments: vec![#(#arguments),*],
                takes_bytes: #takes_bytes,
                answer: #answer,
            }
        }
    }
    .into()
}

/// Returns an expression that is the type's name in TypeScript.
fn type_name(kind: &Type) -> TokenStream2 {
    let name = last_name(kind);
    let named = NAMED.iter().find(|(rust, _)| name.as_deref() == Some(rust));
    match named {
        Some((_, named)) => quote! { crate::commands::typescript::TypeName::named(#named) },
        None => quote! { crate::commands::typescript::TypeName::of::<#kind>() },
    }
}

fn docs(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| {
        let Meta::NameValue(pair) = &attribute.meta else { return None };
        let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = &pair.value else { return None };
        pair.path.is_ident("doc").then(|| text.value().trim().to_owned())
    });
    lines.collect::<Vec<_>>().join(" ")
}

/// Returns the last name of a path: `State` of `tauri::State<'_, App>`.
fn last_name(kind: &Type) -> Option<String> {
    match kind {
        Type::Path(path) => path.path.segments.last().map(|last| last.ident.to_string()),
        _ => None,
    }
}

/// Returns the first argument of a generic type: `T` of `Answer<T>`.
fn first_argument(kind: &Type) -> Option<Type> {
    let Type::Path(path) = kind else { return None };
    let PathArguments::AngleBracketed(arguments) = &path.path.segments.last()?.arguments else {
        return None;
    };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(kind) => Some(kind.clone()),
        _ => None,
    })
}

/// Calls the declarations of the commands at these paths, which begin at the crate's root.
#[proc_macro]
pub fn declarations(paths: TokenStream) -> TokenStream {
    let paths = parse_macro_input!(paths with Punctuated::<Path, Token![,]>::parse_terminated);
    let calls = paths.into_iter().map(|mut path| {
        if let Some(last) = path.segments.last_mut() {
            last.ident = format_ident!("{}_declaration", last.ident);
        }
        quote! { crate::#path() }
    });
    quote! { vec![#(#calls),*] }.into()
}
