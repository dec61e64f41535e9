"""Pages of the course that are made outside of a view."""

from jinja2 import Environment, FileSystemLoader
from werkzeug import Response

from lessons.course.folders import COURSE
from lessons.course.safe_headers import PAGE_POLICY

templates = Environment(loader=FileSystemLoader(COURSE / "templates"), autoescape=True)


def rendered_page(template, status=200, **words):
    """Return a template of the course as a response, with these words filled in."""
    html = templates.get_template(template).render(words)
    policy = {"Content-Security-Policy": PAGE_POLICY}
    return Response(html, status, policy, mimetype="text/html")
