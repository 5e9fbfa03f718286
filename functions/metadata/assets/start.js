// The document's `token` is relative to this page: at `/docs/` it would be `/docs/token`.
history.replaceState(null, "", `/docs${location.search}${location.hash}`);

// No validator and no store for tokens: nothing leaves the page, and nothing is left when it is closed.
SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  persistAuthorization: false,
  validatorUrl: null,
});
