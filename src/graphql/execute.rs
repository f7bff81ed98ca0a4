//! Runs the owned fields of a plan.
