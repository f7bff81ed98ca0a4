"""What an assertion has to be, to be believed for a request."""

from urllib.parse import unquote_to_bytes

import jwt
from django.utils.encoding import repercent_broken_unicode

from .asgi import arrived

# RFC 8725 §3.1 and §3.11: one algorithm and one type, whatever a token says of itself.
ALGORITHM = "EdDSA"
TYPE = "railgate-assertion+jwt"
# Seconds by which the clocks of the gateway and of this machine may differ.
LEEWAY = 5


class NotBelieved(Exception):
    """The assertion says nothing of this request."""


class Verifier:
    """Checks assertions of one gateway for one audience."""

    def __init__(self, keys, audience, issuer):
        self._keys = keys
        self._audience = audience
        self._issuer = issuer

    def claims(self, token, request):
        """The claims of an assertion that was made for this request.

        Raises NotBelieved, and KeysUnavailable when nobody can tell.
        """
        try:
            claims = self._open(token, arrived(request))
        except jwt.InvalidTokenError as error:
            raise NotBelieved(str(error)) from error
        if not is_for(claims, request):
            raise NotBelieved("it was made for another request")
        return claims

    def _open(self, token, at):
        header = jwt.get_unverified_header(token)
        if header.get("typ") != TYPE or header.get("alg") != ALGORITHM:
            raise jwt.InvalidTokenError("not an assertion")
        key = self._keys.find(header.get("kid"))
        if key is None:
            raise jwt.InvalidTokenError("nobody knows its key")
        claims = jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            audience=self._audience,
            issuer=self._issuer,
            leeway=LEEWAY,
            # Checked below: PyJWT would compare it with the present, and the body may have come in since.
            options={"require": ["iss", "aud", "iat", "exp", "htm", "target"], "strict_aud": True, "verify_exp": False},
        )
        expires = claims["exp"]
        if not isinstance(expires, int) or expires <= at - LEEWAY:
            raise jwt.ExpiredSignatureError("it has run out")
        return claims


def is_for(claims, request):
    """Whether these claims name the request's method, path and query string.

    The path is compared decoded, which is how Django routes it; what follows the first question mark, as it came.
    """
    path, _, query = str(claims["target"]).partition("?")
    decoded = repercent_broken_unicode(unquote_to_bytes(path)).decode()
    asked = (request.method, request.path, request.META.get("QUERY_STRING", ""))
    return asked == (str(claims["htm"]).upper(), decoded, query)
