// Says on every page that the dashboard does not answer, until it answers again.
"use strict";

document.addEventListener("htmx:afterRequest", (event) => {
  document.getElementById("offline").hidden = event.detail.xhr.status !== 0;
});
