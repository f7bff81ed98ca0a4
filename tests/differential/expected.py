"""The differences that are meant, each with its reason and where that is written. Nothing else may differ."""

from collections.abc import Callable
from dataclasses import dataclass

from cases import Case
from invalid import BREAKERS


@dataclass(frozen=True)
class Expected:
    """`applies` gets the case and the two views (see `compare.view`); it says whether all that differs is this."""

    name: str
    reason: str
    applies: Callable[[Case, dict, dict], bool]
    # Of all documents that are sent; more of them are something else.
    at_most: float


# The gateway stops at the first of these.
STRUCTURE = {
    "type_definition",
    "operation_name_twice",
    "fragment_name_twice",
    "anonymous_beside_another",
    "no_operation_at_all",
    "no_operation_chosen",
    "unknown_operation_name",
    "directive_of_a_variable",
    "cycle",
    "fragment_of_another_type",
}
CONFLICTS = {"conflict", "differing_arguments", "conflict_inside_of_merged_fields"}
VALUES = {"changed_type", "value_of_another_type", "missing_value"}
TYPES = {"impossible_type", "fragment_of_another_type", "changed_condition"}


def stops_early(case: Case, direct: dict, through: dict) -> bool:
    if not both_refuse(direct, through) or not made(case, STRUCTURE):
        return False
    is_part = all(places is None or [path, places] in direct["errors"] for path, places in through["errors"])
    is_by_get = direct["status"] == 405 and through["status"] == 400
    return is_part or is_by_get


def is_of_the_backends_types(case: Case, direct: dict, through: dict) -> bool:
    if not both_refuse(direct, through) or not made(case, TYPES):
        return False
    is_part = all(error in direct["errors"] for error in through["errors"])
    return is_part or len(direct["errors"]) == len(through["errors"])


def is_told_in_pieces(case: Case, direct: dict, through: dict) -> bool:
    if not both_refuse(direct, through):
        return False
    told, all_of_them = all_places(through), all_places(direct)
    return told == all_of_them or (made(case, CONFLICTS) and bool(told) and told < all_of_them)


def is_without_typename(case: Case, direct: dict, through: dict) -> bool:
    is_such = made(case, {"wrong_kind_of_operation"}) and "__typename" in case.request.text
    return is_such and both_refuse(direct, through) and all_places(through) < all_places(direct)


def all_places(view: dict) -> set[str]:
    return {f"{place}" for _, places in view["errors"] for place in places or []}


def has_a_mark_before_it(case: Case, direct: dict, through: dict) -> bool:
    return case.way == "graphql" and case.request.text.startswith("\ufeff") and through["status"] == 400


def is_ours_first(case: Case, direct: dict, through: dict) -> bool:
    # A bracket too many may bring a field to the root that is none of the gateway's.
    is_ours_alone = case.base == "owned" and case.request.beside is None and not made(case, set(BREAKERS))
    if not both_refuse(direct, through) or is_ours_alone:
        return False
    is_part = all(error in direct["errors"] for error in through["errors"])
    return is_part or made(case, VALUES)


def is_elsewhere_in_the_text(case: Case, direct: dict, through: dict) -> bool:
    return both_refuse(direct, through) and made(case, set(BREAKERS)) and len(through["errors"]) == 1


def both_refuse(direct: dict, through: dict) -> bool:
    return all(
        view["status"] >= 400 and not view.get("has data", True) and view["errors"] for view in (direct, through)
    )


def made(case: Case, mistakes: set[str]) -> bool:
    return bool(mistakes.intersection(case.mistake.split("+")))


EXPECTED = (
    Expected(
        "the first mistake only",
        "The parser behind the lexer, and the walk through fragments, stop at a mistake in the structure of a document "
        "(src/graphql/document); the backend goes on. Both refuse, nothing runs.",
        stops_early,
        at_most=0.025,
    ),
    Expected(
        "a type of the backend's",
        "A type that only the backend has is unknown to the gateway, and a field of Query or Mutation that it doesn't "
        "own may be the backend's (src/graphql/validate/fields.rs). Both refuse it, for one reason of several.",
        is_of_the_backends_types,
        at_most=0.005,
    ),
    Expected(
        "the gateway's part first",
        "The backend is asked what is wrong with its part of a document when the gateway's own part has no mistake, and "
        "the values of its variables fit (src/graphql/execute). Both refuse it, nothing runs.",
        is_ours_first,
        at_most=0.015,
    ),
    Expected(
        "conflicts in one error or several",
        "graphql-core tells all conflicts inside of two merged fields as one error, the gateway each for itself, and "
        "none inside of fields that conflict themselves (src/graphql/validate/merge.rs). Both refuse it.",
        is_told_in_pieces,
        at_most=0.005,
    ),
    Expected(
        "one root field too many",
        "The backend validates its part of a document without __typename, so it does not name that among the root fields "
        "of a subscription with several (src/graphql/excerpt). Both refuse it.",
        is_without_typename,
        at_most=0.002,
    ),
    Expected(
        "a byte order mark before a bare document",
        "Not every reader drops one, so a body that begins with it is refused (src/graphql/envelope).",
        has_a_mark_before_it,
        at_most=0.005,
    ),
    Expected(
        "a place in broken text",
        "The parser behind the lexer tells where it gave up, which is seldom before or behind the token that "
        "graphql-core names (src/graphql/document). Both refuse it.",
        is_elsewhere_in_the_text,
        at_most=0.005,
    ),
)


def explained(case: Case, direct: dict, through: dict) -> Expected | None:
    """The entry that explains all that differs."""
    return next((each for each in EXPECTED if each.applies(case, direct, through)), None)
