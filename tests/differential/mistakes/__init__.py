"""The operators, by the sections of the specification."""

from mistakes import about_arguments, about_directives, about_fields, about_fragments, about_operations, about_variables

MODULES = (about_operations, about_fields, about_arguments, about_fragments, about_directives, about_variables)
