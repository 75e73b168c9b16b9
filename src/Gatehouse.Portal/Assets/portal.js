// What a page does beyond links and forms: live parts, copying, menus that close, and a few keys. Everything that comes from
// the manager as HTML was rendered there, from components that escape what they show.
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const first = (selector, root = document) => root.querySelector(selector);

// Live parts. One stream a page; a part that came out differently replaces the old one, keeping what has the focus.
let stream = null;
let streamed = "";
let lastTrue = Date.now();

function calm() {
  document.documentElement.removeAttribute("data-is-stale");
  const note = first("[data-stale]");
  if (note) {
    note.hidden = true;
  }
}

function connect() {
  const panels = all("[data-live]").map((part) => part.dataset.live);
  // Also for the same parts: the page may have been drawn by a manager that knew less than the stream has told, and a new
  // stream tells everything.
  stream?.close();
  stream = null;
  streamed = panels.length ? `/live?${panels.map((p) => `panel=${encodeURIComponent(p)}`).join("&")}` : "";
  calm();
  if (!streamed) {
    return;
  }

  lastTrue = Date.now();
  listen(panels);
}

function listen(panels) {
  stream = new EventSource(streamed);
  stream.addEventListener("now", () => {
    lastTrue = Date.now();
    calm();
  });
  for (const panel of panels) {
    stream.addEventListener(`panel:${panel}`, (event) => {
      for (const part of all("[data-live]").filter((p) => p.dataset.live === panel)) {
        const next = document.createElement("div");
        next.innerHTML = event.data;
        morph(part, next);
        part.dispatchEvent(new CustomEvent("live", { bubbles: true }));
      }
    });
  }
}

setInterval(() => {
  if (!streamed) {
    return;
  }

  if (Date.now() - lastTrue > 5000) {
    const note = first("[data-stale]");
    if (note) {
      first("[data-stale-since]").textContent = new Date(lastTrue).toLocaleTimeString();
      note.hidden = false;
      document.documentElement.setAttribute("data-is-stale", "");
    }
  }

  // The browser gives up for good after some answers; we do not. What is shown stays as old as it is.
  if (stream?.readyState === EventSource.CLOSED) {
    listen(all("[data-live]").map((part) => part.dataset.live));
  }
}, 2500);

// How long ago things were, as it goes on: in words, by the manager's clock, as Age.razor has them.
let clockAhead = 0;

function age() {
  for (const time of all("time[data-age]")) {
    const seconds = (Date.now() - clockAhead - Date.parse(time.dateTime)) / 1000;
    const words = seconds < 0 ? `in ${span(-seconds)}` : `${span(seconds)} ago`;
    const said = Math.abs(seconds) < 3 ? "now" : words;
    if (time.textContent !== said) {
      time.textContent = said;
    }
  }
}

function span(seconds) {
  return seconds < 120 ? `${Math.round(seconds)} s`
    : seconds < 7200 ? `${Math.round(seconds / 60)} min`
    : seconds < 172800 ? `${Math.round(seconds / 3600)} h`
    : `${Math.round(seconds / 86400)} d`;
}

setInterval(age, 5000);

// Long work: what takes longer than a glance says that it is under way, and is not begun twice.
let waiting = 0;
let sending = null;
let sent = null;
let isUnderWay = false;

function wait(isOn) {
  clearTimeout(waiting);
  isUnderWay = isOn;
  const show = () => {
    const bar = first("[data-loading]");
    if (bar) {
      bar.hidden = !isOn;
      first("[data-loading-word]").textContent = isOn ? "Loading" : "";
      first("main")?.setAttribute("aria-busy", isOn);
    }
  };
  if (isOn) {
    waiting = setTimeout(show, 300);
  } else {
    sending = null;
    show();
  }
}

document.addEventListener(
  "submit",
  (event) => {
    if (isUnderWay && event.target === sending) {
      event.preventDefault();
      event.stopImmediatePropagation();
    }

    sending = sent = event.target;
  },
  true,
);

// Makes `old` look like `next` and touches only what differs, so that focus, scrolling and open menus stay.
function morph(old, next) {
  const before = [...old.childNodes];
  const after = [...next.childNodes];
  after.forEach((node, i) => {
    const there = before[i];
    if (!there) {
      old.append(node);
    } else if (there.nodeType !== node.nodeType || there.nodeName !== node.nodeName) {
      there.replaceWith(node);
    } else if (node.nodeType === Node.ELEMENT_NODE) {
      for (const { name } of [...there.attributes]) {
        if (!node.hasAttribute(name) && !(name === "open" && there.nodeName === "DETAILS")) {
          there.removeAttribute(name);
        }
      }

      for (const { name, value } of [...node.attributes]) {
        if (there.getAttribute(name) !== value) {
          there.setAttribute(name, value);
        }
      }

      morph(there, node);
    } else if (there.nodeValue !== node.nodeValue) {
      there.nodeValue = node.nodeValue;
    }
  });
  before.slice(after.length).forEach((node) => node.remove());
}

document.addEventListener("click", async (event) => {
  const target = event.target.closest?.("[data-copy], [data-line]");
  for (const menu of all("details[data-menu][open]")) {
    if (!menu.contains(event.target)) {
      menu.open = false;
    }
  }

  if (target?.dataset.copy !== undefined) {
    await navigator.clipboard.writeText(target.dataset.copy);
    say(target, "Copied");
  } else if (target?.dataset.line !== undefined) {
    event.preventDefault();
    goTo(Number(target.dataset.line), Number(target.dataset.column));
  }
});

function say(button, word) {
  const label = first("span", button);
  const before = label ? label.textContent : button.getAttribute("aria-label");
  const set = (text) => (label ? (label.textContent = text) : button.setAttribute("aria-label", text));
  if (before === word) {
    return;
  }

  set(word);
  setTimeout(() => set(before), 1600);
}

// The document of the page in an editor; the textarea that it stands for is what there is without scripts. The page that
// answers a form has the textarea again, so the editor is made anew, where it was scrolled to.
let editor = null;

async function edit() {
  const field = first("textarea[data-editor]");
  if (editor?.dom.isConnected && field?.hidden) {
    return;
  }

  const top = editor && field ? editor.scroll() : 0;
  editor?.detach();
  editor = null;
  if (!field) {
    return;
  }

  const { attach } = await import(field.dataset.editor);
  if (!field.isConnected || field.hidden) {
    return;
  }

  editor = field.editor = attach(field);
  editor.scrollTo(top);
  editor.mark(
    all("[data-line]").map((place) => ({
      line: Number(place.dataset.line),
      column: Number(place.dataset.column),
      message: place.closest("tr").cells[1].innerText,
      severity: place.closest(".note.warn") ? "warning" : "error",
    })),
  );
}

// Selects a line of the document on the page: the place a problem names.
function goTo(line, column) {
  if (editor) {
    editor.goTo(line, column);
    editor.dom.scrollIntoView({ block: "center" });
    return;
  }

  first("#document")?.focus();
}

// A file that is opened or dropped becomes the text of its field, to be read and mended before it is sent.
async function take(file, field) {
  if (!file || !field) {
    return;
  }

  const text = await file.text();
  if (field.editor && field.hidden) {
    field.editor.setText(text);
    field.editor.focus();
  } else {
    field.value = text;
    field.focus();
    field.setSelectionRange(0, 0);
  }
}

// Charts: the numbers of the place that is pointed at, read from the chart's own table. The plot's edges are Chart.razor's.
const plotLeft = 44 / 560;
const plotWidth = 508 / 560;

document.addEventListener("pointermove", (event) => {
  const plot = event.target.closest?.(".plot");
  for (const shown of all(".chart-tip:not([hidden]), .chart-rule:not([hidden])")) {
    shown.hidden = shown.parentNode !== plot;
  }

  if (!plot) {
    return;
  }

  const chart = plot.closest("[data-chart]");
  const rows = all("tbody tr", chart);
  const box = plot.getBoundingClientRect();
  const at = ((event.clientX - box.left) / box.width - plotLeft) / plotWidth;
  const row = rows[Math.floor(at * rows.length)];
  const tip = first(".chart-tip", plot) ?? plot.appendChild(Object.assign(document.createElement("div"), { className: "chart-tip" }));
  const rule = first(".chart-rule", plot) ?? plot.appendChild(Object.assign(document.createElement("div"), { className: "chart-rule" }));
  tip.hidden = rule.hidden = at < 0 || !row;
  if (tip.hidden) {
    return;
  }

  const cell = (tag, text, css = "") => Object.assign(document.createElement(tag), { textContent: text, className: css });
  const heads = all("th", chart);
  tip.replaceChildren(
    cell("strong", row.cells[0].textContent),
    ...[...row.cells].slice(1).flatMap((value, i) => (value.textContent ? [cell("span", heads[i + 1].textContent), cell("span", value.textContent, "number")] : [])),
  );
  const middle = plotLeft + (plotWidth * (Math.floor(at * rows.length) + 0.5)) / rows.length;
  rule.style.left = `${middle * 100}%`;
  tip.style.left = middle < 0.5 ? `calc(${middle * 100}% + 12px)` : "auto";
  tip.style.right = middle < 0.5 ? "auto" : `calc(${(1 - middle) * 100}% + 12px)`;
});

document.addEventListener("change", (event) => {
  if (event.target.dataset?.fileInto) {
    take(event.target.files[0], first(event.target.dataset.fileInto));
    event.target.value = "";
  } else if (event.target.dataset?.submits !== undefined) {
    event.target.form.requestSubmit();
  }
});
for (const kind of ["dragover", "dragleave", "drop"]) {
  // Before the editor, which would put the file's text where it was dropped.
  const onDrag = (event) => {
    const place = event.target.closest?.("[data-drop]");
    if (place && event.dataTransfer.types.includes("Files")) {
      event.preventDefault();
      event.stopPropagation();
      place.classList.toggle("dropping", kind === "dragover");
      if (kind === "drop") {
        take(event.dataTransfer.files[0], first("textarea", place));
      }
    }
  };
  document.addEventListener(kind, onDrag, true);
}

let went = 0;
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    const menu = first("details[data-menu][open]");
    if (menu) {
      menu.open = false;
      first("summary", menu).focus();
    }

    return;
  }

  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.("input, textarea, select, .editor")) {
    return;
  }

  if (event.key === "/") {
    const search = first("input[type=search]");
    if (search) {
      event.preventDefault();
      search.focus();
    }
  } else if (event.key === "g") {
    went = Date.now();
  } else if (Date.now() - went < 900) {
    went = 0;
    const to = { o: "/admin", n: "/admin/nodes", d: "/admin/deployments", a: "/publisher", p: "/devportal", l: "/admin/audit" }[event.key];
    if (to && all(`a[href="${to}"]`).length) {
      location.assign(to);
    }
  }
});

// A link that lets somebody in ends in #code=… or #link=…: the code goes into the form for it and out of the address.
function signIn() {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const [code, page] = fragment.has("code") ? [fragment.get("code"), "/sign-in/set-up"] : [fragment.get("link"), "/sign-in/link"];
  if (!code || !location.pathname.startsWith("/sign-in")) {
    return;
  }

  if (location.pathname !== page) {
    location.replace(`${page}${location.search}#${fragment}`);
    return;
  }

  history.replaceState(null, "", location.pathname + location.search);
  const field = first("input[name=code]");
  field.value = code;
  field.closest("[data-when-empty]").hidden = true;
}

// What was asked for is done and said on the page: the question stays open when the page is the same as before. One that was
// opened meanwhile was not answered.
function closeAnswered() {
  if (first(".note.ok[role=status]")) {
    sent?.closest("[popover]:popover-open")?.hidePopover();
  }

  sent = null;
}

function ready() {
  clockAhead = Date.now() - Number(first("main")?.dataset.now ?? Date.now());
  connect();
  showPasskeys();
  signIn();
  edit();
  closeAnswered();
  first("[data-focus]")?.focus();
  document.dispatchEvent(new CustomEvent("portal:ready"));
}

ready();
window.Blazor?.addEventListener("enhancedload", ready);
window.Blazor?.addEventListener("enhancednavigationstart", () => wait(true));
window.Blazor?.addEventListener("enhancednavigationend", () => wait(false));

// Passkeys: the manager asks, the device signs, the manager checks. Without them the page is as it was.
async function ask(path, body) {
  const answer = await fetch(`/api/v1/${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body ?? {}),
  });
  const said = await answer.json();
  if (!answer.ok) {
    throw new Error([said.title, said.detail].filter(Boolean).join(": "));
  }

  return said;
}

function tell(near, error) {
  const note = first("[data-passkey-note]", near);
  if (note) {
    note.textContent =
      error.name === "NotAllowedError" ? "It was not allowed, or took too long. Try again." : error.message;
  }
}

function showPasskeys() {
  if (window.PublicKeyCredential?.parseCreationOptionsFromJSON) {
    all("[data-passkey-use], [data-passkey-make]").forEach((part) => (part.hidden = false));
  }
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest?.('[data-passkey="use"]');
  if (!button) {
    return;
  }

  try {
    const { options, ticket } = await ask("sign-in/passkey/options");
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
    const credential = await navigator.credentials.get({ publicKey });
    await ask("sign-in/passkey", { ticket, credential: credential.toJSON() });
    location.assign(button.dataset.return);
  } catch (error) {
    tell(button.parentElement, error);
  }
});

document.addEventListener("submit", async (event) => {
  const form = event.target.closest?.("[data-passkey-make]");
  if (!form) {
    return;
  }

  event.preventDefault();
  try {
    const { options, ticket } = await ask("me/passkeys/options", { password: form.elements.password.value });
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
    const credential = await navigator.credentials.create({ publicKey });
    await ask("me/passkeys", { ticket, credential: credential.toJSON(), name: form.elements.name.value });
    location.reload();
  } catch (error) {
    tell(form, error);
  }
});
