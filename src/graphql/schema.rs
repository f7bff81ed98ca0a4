//! `auth.graphql`, embedded and parsed once: root fields, arguments, types.
