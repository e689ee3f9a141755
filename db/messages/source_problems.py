"""Problems of keys of static sites and of webhooks, beside those of db.messages.key_problems. Pure."""

from __future__ import annotations

from db.messages.problem_base import Problem


class SourceProblem(Problem):
    """See db.messages.problem_base.Problem."""

    NOT_A_SITE_FILE = (
        "not_a_site_file",
        "must be the path of a file of the site, like errors/404.html, without a leading / and without names that "
        "begin with a dot",
        "This must be a file of the site, like errors/404.html, without a leading /.",
    )
    NOT_A_SITE_PATH = (
        "not_a_site_path",
        "must be a path of the site, like /assets/*, where * matches any characters",
        "A path of the site begins with /, like /assets/*.",
    )
    IMMUTABLE_NEEDS_AGE = (
        "immutable_needs_age",
        "goes with a max_age_s above 0 only",
        "What never changes needs a number of seconds above 0.",
    )
    NOT_A_PATH_FILTER = (
        "not_a_path_filter",
        "must be paths of the repository, like services/web/** or !docs/**, of at most 200 characters each",
        "A path of the repository is written like services/web/** or !docs/**.",
    )
    PATHS_NEED_GIT = (
        "paths_need_git",
        "goes with the push events of git servers only",
        "Only git servers say which files a push changes.",
    )
    SECRET_IN_ADDRESS = (
        "secret_in_address",
        "cannot be chosen for %(provider)s: it is a part of the address, and is generated",
        "This sender has the secret in its address, so it is generated: leave this empty.",
    )
