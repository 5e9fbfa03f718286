"""The docs page in a real browser: somebody logs in by its Authorize button and calls the API.

Nothing may go to another origin, and the browser may find nothing that the page's policy forbids.
"""

import json
import shutil
import sys
from urllib.parse import urlsplit

from playwright.sync_api import expect, sync_playwright
from service import PASSWORD, service, sign_up

# A browser in a test calls nobody by itself either.
QUIET = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]


def visit(page, base, slash):
    page.goto(f"{base}/docs{slash}")
    page.get_by_role("button", name="Authorize").first.click()
    dialog = page.locator(".dialog-ux")
    login = dialog.locator(".auth-container").filter(has=page.locator("#oauth_username"))
    login.locator("#oauth_username").fill("stanley")
    login.locator("#oauth_password").fill(PASSWORD)
    login.get_by_role("button", name="Apply given OAuth2 credentials").click()
    expect(dialog.get_by_role("button", name="Remove authorization")).to_be_visible()
    dialog.locator(".btn-done").first.click()

    operation = page.locator("#operations-Users-me")
    operation.locator(".opblock-summary-control").click()
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_role("button", name="Execute").click()
    answer = operation.locator(".live-responses-table")
    expect(answer.locator(".response-col_status").last).to_contain_text("200")
    body = json.loads(answer.locator(".response-col_description code").first.inner_text())
    assert body == {"username": "stanley", "email": "stanley@example.com", "full_name": "Stanley", "disabled": False}, body
    operation.scroll_into_view_if_needed()


def main(picture):
    with service() as (base, _), sync_playwright() as playwright:
        sign_up(base, "stanley")
        # Root, who has no sandbox, runs tests in containers.
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=[*QUIET, "--no-sandbox"])
        page = browser.new_page(viewport={"width": 1200, "height": 1000})
        asked, complaints = [], []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.add_init_script(
            "addEventListener('securitypolicyviolation', event => console.error(event.violatedDirective, event.blockedURI))"
        )
        for slash in ["", "/"]:
            visit(page, base, slash)
        page.screenshot(path=picture)
        # A revisit finds its files again, and the policy that goes with them.
        page.reload()
        expect(page.locator("#operations-Users-me")).to_be_visible()
        stored = page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]")
        browser.close()

    parts = [urlsplit(url) for url in asked if not url.startswith("data:")]
    elsewhere = [part.geturl() for part in parts if f"{part.scheme}://{part.netloc}" != base]
    assert elsewhere == [], elsewhere
    assert complaints == [], complaints
    assert stored == [0, 0, ""], stored
    paths = {part.path for part in parts}
    assert {"/docs", "/docs/", "/openapi.json", "/token", "/users/me"} <= paths, paths
    print(f"{len(asked)} requests, all of them to {base}; the picture is {picture}")


if __name__ == "__main__":
    main(sys.argv[1])
