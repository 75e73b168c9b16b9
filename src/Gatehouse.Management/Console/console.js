// The console reads REST with the token of who signed in, each second. Everything that comes from the cluster goes into
// the page as text, never as markup.
"use strict";

const tokenKey = "gatehouse-token";
const byId = (id) => document.getElementById(id);
const rest = (path, options = {}) => {
  const token = sessionStorage.getItem(tokenKey);
  const headers = { ...options.headers };
  if (token) {
    headers.authorization = `Bearer ${token}`;
  }

  return fetch(`/api/v1/${path}`, { ...options, headers, cache: "no-store", signal: AbortSignal.timeout(5000) });
};

const cell = (content, kind = "") => {
  const td = document.createElement("td");
  td.append(content ?? "–");
  td.className = kind;
  return td;
};

const pill = (text, kind) => {
  const span = document.createElement("span");
  span.textContent = text;
  span.className = `pill ${kind}`;
  return span;
};

const row = (...cells) => {
  const tr = document.createElement("tr");
  tr.append(...cells);
  return tr;
};

const nothing = (columns, text) => {
  const td = cell(text, "muted");
  td.colSpan = columns;
  return row(td);
};

const kindOfState = (state) =>
  ({ serving: "good", applied: "good", lost: "bad", refused: "bad", stopped: "muted", "never-seen": "muted" })[state] ??
  "warn";

const ago = (time, now) => {
  if (!time) {
    return "never";
  }

  const seconds = Math.max(0, Math.round((Date.parse(now) - Date.parse(time)) / 1000));
  return seconds < 3 ? "now"
    : seconds < 120 ? `${seconds} s ago`
    : seconds < 7200 ? `${Math.round(seconds / 60)} min ago`
    : `${Math.round(seconds / 3600)} h ago`;
};

// A sign-in link ends in #code=…&ca=…; the pin is for programs that do not know the authority yet.
const codeOf = (link) => new URLSearchParams(link.slice(link.indexOf("#") + 1)).get("code");

function showSignIn(problem = "") {
  byId("sign-in").hidden = false;
  byId("board").hidden = true;
  byId("sign-out").hidden = true;
  byId("user").textContent = "";
  byId("sign-in-problem").textContent = problem;
}

function showStatus(status) {
  byId("cluster").textContent = `${status.cluster}, epoch ${status.epoch}`;
  byId("alerts").replaceChildren(
    ...(status.alerts.length > 0 ? status.alerts : [{ kind: "none", message: "None." }]).map((alert) => {
      const li = document.createElement("li");
      if (alert.kind !== "none") {
        li.append(pill(alert.kind, alert.kind === "node-lost" || alert.kind === "refused" ? "bad" : "warn"), " ");
      }

      li.append(alert.message);
      return li;
    }),
  );
  byId("nodes").replaceChildren(
    ...status.nodes.map((node) =>
      row(
        cell(node.name),
        cell(pill(node.state, kindOfState(node.state))),
        cell(node.profile),
        cell(`${node.host}:${node.ports.https ?? node.ports["management-https"] ?? node.internalPort}`),
        cell(node.epoch === undefined ? null : String(node.epoch), `number ${node.epoch < status.epoch ? "warn" : ""}`),
        cell(ago(node.lastSeen, status.now)),
        cell(node.processId ? String(node.processId) : null, "number"),
        cell(node.version || null),
      ),
    ),
  );
  if (status.nodes.length === 0) {
    byId("nodes").replaceChildren(nothing(8, "No node is registered yet: gatehouse token create --profile gateway-worker"));
  }
}

// Asked for the first of a long list only: the console is a glance, the command line has them all.
const apisShown = 50;
const deploymentsShown = 20;

async function showApis() {
  const response = await rest(`apis?limit=${apisShown}`);
  if (!response.ok) {
    byId("apis").replaceChildren(nothing(4, "Cannot be read now."));
    return;
  }

  const { items, total } = await response.json();
  const rows = await Promise.all(
    items.map(async (api, index) => {
      const states = document.createElement("span");
      if (api.deployedRevision && index < deploymentsShown) {
        const deployment = await rest(`apis/${encodeURIComponent(api.id)}/deployments`);
        for (const one of deployment.ok ? (await deployment.json()).nodes : []) {
          const state = pill(`${one.node} ${one.state}`, kindOfState(one.state));
          state.title = one.reason ?? "";
          states.append(state, " ");
        }
      }

      return row(
        cell(`${api.name} ${api.version}`),
        cell(api.address),
        cell(api.deployedRevision ? `r${api.deployedRevision}` : null),
        cell(states.childNodes.length > 0 ? states : null),
      );
    }),
  );
  if (total > rows.length) {
    rows.push(nothing(4, `and ${total - rows.length} more: gatehouse api list`));
  }

  byId("apis").replaceChildren(
    ...(rows.length > 0 ? rows : [nothing(4, "None yet: gatehouse api import openapi.yaml --deploy")]),
  );
}

async function refresh() {
  const freshness = byId("freshness");
  try {
    const response = await rest("status");
    if (response.status === 401) {
      sessionStorage.removeItem(tokenKey);
      showSignIn("Your sign-in ended.");
      return;
    }

    if (!response.ok) {
      throw new Error(`status ${response.status}`);
    }

    showStatus(await response.json());
    await showApis();
    byId("board").hidden = false;
    freshness.textContent = "live";
    freshness.className = "pill good";
  } catch {
    freshness.textContent = "manager does not answer; what you see may be old";
    freshness.className = "pill bad";
  }
}

async function signIn(code) {
  try {
    const response = await rest("login", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ code }),
    });
    const body = await response.json();
    if (!response.ok) {
      showSignIn(`${body.title}. ${body.detail ?? ""}`);
      return;
    }

    sessionStorage.setItem(tokenKey, body.token);
  } catch {
    showSignIn("The manager does not answer. Try again.");
  }
}

async function live() {
  while (sessionStorage.getItem(tokenKey)) {
    if (byId("user").textContent === "") {
      byId("sign-in").hidden = true;
      byId("sign-out").hidden = false;
      const who = await rest("whoami").then((r) => (r.ok ? r.json() : null)).catch(() => null);
      byId("user").textContent = who ? `${who.user} (${who.role})` : "";
    }

    if (!document.hidden) {
      await refresh();
    }

    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

byId("sign-in-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const code = byId("code").value.trim();
  byId("code").value = "";
  // A whole link may be pasted too.
  await signIn(codeOf(code) ?? code);
  await live();
});

byId("sign-out").addEventListener("click", async () => {
  await rest("logout", { method: "POST" }).catch(() => null);
  sessionStorage.removeItem(tokenKey);
  showSignIn();
});

(async () => {
  const code = codeOf(location.hash);
  if (code) {
    // Out of the address bar and the history before anything else.
    history.replaceState(null, "", location.pathname);
    await signIn(code);
  }

  if (sessionStorage.getItem(tokenKey)) {
    await live();
  } else if (byId("sign-in").hidden) {
    showSignIn();
  }
})();
