"""Pages of the course that are made outside of a view."""

from jinja2 import Environment, FileSystemLoader
from werkzeug import Response

from lessons.course.addresses import way_to_root
from lessons.course.folders import COURSE
from lessons.course.safe_headers import PAGE_POLICY

templates = Environment(loader=FileSystemLoader(COURSE / "templates"), autoescape=True)


def rendered_page(environ, template, status=200, **words):
    """Return a template of the course as a response, with these words filled in.

    The environ is that of the request which it answers.
    """
    root = way_to_root(environ)
    html = templates.get_template(template).render(words, root=root)
    policy = {"Content-Security-Policy": PAGE_POLICY}
    return Response(html, status, policy, mimetype="text/html")
