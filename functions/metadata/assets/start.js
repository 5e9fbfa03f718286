// No validator and no store for tokens: nothing leaves the page, and nothing is left when it is closed.
SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  persistAuthorization: false,
  validatorUrl: null,
});
