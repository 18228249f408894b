"""HTTP redirects that are not followed."""

import urllib.request


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """Makes a redirect the answer, an HTTPError: what was asked is for the first server alone."""

    def redirect_request(self, *_: object) -> None:
        """No request to follow."""
