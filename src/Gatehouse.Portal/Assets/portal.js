// What a page does beyond links and forms: live parts, copying, menus that close, and a few keys. Everything that comes from
// the manager as HTML was rendered there, from components that escape what they show.
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const first = (selector, root = document) => root.querySelector(selector);

// Live parts. One stream a page; a part that came out differently replaces the old one, keeping what has the focus.
let stream = null;
let streamed = "";
let lastTrue = Date.now();

function calm() {
  const note = first("[data-stale]");
  if (note) {
    note.hidden = true;
  }
}

function connect() {
  const panels = all("[data-live]").map((part) => part.dataset.live);
  const address = panels.length ? `/live?${panels.map((p) => `panel=${encodeURIComponent(p)}`).join("&")}` : "";
  if (address === streamed) {
    return;
  }

  stream?.close();
  stream = null;
  streamed = address;
  calm();
  if (!address) {
    return;
  }

  lastTrue = Date.now();
  stream = new EventSource(address);
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
    }
  }

  // The browser gives up for good after some answers; we do not.
  if (stream?.readyState === EventSource.CLOSED) {
    streamed = "";
    connect();
    lastTrue = Math.min(lastTrue, Date.now() - 5001);
  }
}, 2500);

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

// Selects a line of the document on the page: the place a problem names.
function goTo(line, column) {
  const editor = first("#document");
  if (!editor) {
    return;
  }

  const lines = editor.value.split("\n");
  const start = lines.slice(0, line - 1).reduce((sum, text) => sum + text.length + 1, 0) + Math.max(0, column - 1);
  const end = lines.slice(0, line).reduce((sum, text) => sum + text.length + 1, 0) - 1;
  editor.focus();
  editor.setSelectionRange(start, Math.max(start, end));
  const height = parseFloat(getComputedStyle(editor).lineHeight);
  editor.scrollTop = Math.max(0, (line - 4) * height);
  editor.scrollIntoView({ block: "center" });
}

// A file that is opened or dropped becomes the text of its field, to be read and mended before it is sent.
async function take(file, field) {
  if (file && field) {
    field.value = await file.text();
    field.focus();
    field.setSelectionRange(0, 0);
  }
}

document.addEventListener("change", (event) => {
  if (event.target.dataset?.fileInto) {
    take(event.target.files[0], first(event.target.dataset.fileInto));
    event.target.value = "";
  } else if (event.target.dataset?.submits !== undefined) {
    event.target.form.requestSubmit();
  }
});
for (const kind of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    const field = event.target.closest?.("[data-drop]");
    if (field) {
      event.preventDefault();
      field.classList.toggle("dropping", kind === "dragover");
      if (kind === "drop") {
        take(event.dataTransfer.files[0], field);
      }
    }
  });
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

  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.("input, textarea, select")) {
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

function ready() {
  connect();
  signIn();
  first("[data-focus]")?.focus();
  document.dispatchEvent(new CustomEvent("portal:ready"));
}

ready();
window.Blazor?.addEventListener("enhancedload", ready);
