// The editor of OpenAPI documents: CodeMirror around a page's textarea. Loaded by the pages that have one; without scripts
// the textarea is what people type into. `npm ci && npm run build` makes ../Assets/editor.js of this.
import { EditorState } from "@codemirror/state";
import { EditorView, drawSelection, highlightActiveLine, highlightActiveLineGutter, keymap, lineNumbers, placeholder } from "@codemirror/view";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { HighlightStyle, bracketMatching, foldGutter, foldKeymap, indentOnInput, syntaxHighlighting } from "@codemirror/language";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { lintGutter, lintKeymap, setDiagnostics } from "@codemirror/lint";
import { json } from "@codemirror/lang-json";
import { yaml } from "@codemirror/lang-yaml";
import { tags } from "@lezer/highlight";

// Only the portal's own colours, so that both themes and their contrast are settled in one place: portal.css.
const look = EditorView.theme({
  "&": { height: "100%", color: "var(--text)", backgroundColor: "var(--surface)", fontSize: "13px" },
  "&.cm-focused": { outline: "2px solid var(--accent)", outlineOffset: "-1px" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.55" },
  ".cm-content": { caretColor: "var(--text)" },
  ".cm-cursor": { borderLeftColor: "var(--text)" },
  ".cm-gutters": { backgroundColor: "var(--sunken)", color: "var(--muted)", borderRight: "1px solid var(--line)" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "var(--accent-soft)" },
  ".cm-activeLine": { backgroundColor: "color-mix(in srgb, var(--accent-soft) 45%, transparent)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "color-mix(in srgb, var(--accent-solid) 26%, transparent)" },
  ".cm-panels": { backgroundColor: "var(--raised)", color: "var(--text)" },
  ".cm-panels .cm-textfield, .cm-panels .cm-button": { backgroundImage: "none", backgroundColor: "var(--surface)", color: "var(--text)", border: "1px solid var(--control-line)", borderRadius: "6px", width: "auto", minHeight: "28px" },
  ".cm-tooltip": { backgroundColor: "var(--raised)", color: "var(--text)", border: "1px solid var(--line-strong)", borderRadius: "6px" },
  ".cm-diagnostic": { fontFamily: "system-ui, sans-serif", padding: "6px 10px" },
  ".cm-diagnostic-error": { borderLeftColor: "var(--fail)" },
  ".cm-diagnostic-warning": { borderLeftColor: "var(--warn)" },
  ".cm-placeholder": { color: "var(--muted)" },
  ".cm-foldPlaceholder": { backgroundColor: "var(--unknown-soft)", color: "var(--unknown)", border: "none" },
});
const colours = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--busy)" },
  { tag: [tags.string, tags.content], color: "var(--text)" },
  { tag: [tags.number, tags.bool, tags.null, tags.keyword, tags.atom], color: "var(--warn)" },
  { tag: [tags.comment, tags.lineComment], color: "var(--muted)", fontStyle: "italic" },
  { tag: [tags.punctuation, tags.separator, tags.meta], color: "var(--muted)" },
]);

/** Puts an editor in the place of a textarea; what is in it goes with the form as the textarea's value. */
export function attach(field) {
  const text = field.value;
  // In a shadow root, because only there CodeMirror's styles are a constructed sheet: the content security policy lets no
  // script write a <style> into the page.
  const host = document.createElement("div");
  host.className = "editor-host";
  const root = host.attachShadow({ mode: "open" });
  const view = new EditorView({
    parent: root,
    root,
    state: EditorState.create({
      doc: text,
      extensions: [
        lineNumbers(),
        foldGutter(),
        lintGutter(),
        history(),
        drawSelection(),
        indentOnInput(),
        bracketMatching(),
        highlightActiveLine(),
        highlightActiveLineGutter(),
        highlightSelectionMatches(),
        // Tab leaves the editor, as it leaves every field: no keyboard trap.
        keymap.of([...defaultKeymap, ...searchKeymap, ...historyKeymap, ...foldKeymap, ...lintKeymap]),
        /^\s*\{/.test(text) ? json() : yaml(),
        EditorState.tabSize.of(2),
        EditorState.readOnly.of(field.readOnly),
        placeholder(field.placeholder || ""),
        syntaxHighlighting(colours),
        look,
        EditorView.contentAttributes.of({ "aria-label": field.labels[0]?.textContent.trim() || "Document", spellcheck: "false", tabindex: "0" }),
      ],
    }),
  });
  field.after(host);
  field.hidden = true;
  for (const label of field.labels) {
    label.addEventListener("click", () => view.focus());
  }

  // Asked for whenever the form is read, by the browser as by Blazor.
  const form = field.form;
  const give = (event) => event.formData.set(field.name, view.state.doc.toString());
  form?.addEventListener("formdata", give);

  const place = (line, column) => {
    const at = view.state.doc.line(Math.min(Math.max(1, line), view.state.doc.lines));
    return { from: Math.min(at.to, at.from + Math.max(0, column - 1)), to: at.to };
  };
  return {
    dom: host,
    text: () => view.state.doc.toString(),
    selected: () => view.state.sliceDoc(view.state.selection.main.from, view.state.selection.main.to),
    setText: (next) => view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: next }, selection: { anchor: 0 } }),
    focus: () => view.focus(),
    goTo: (line, column) => {
      const { from, to } = place(line, column);
      view.dispatch({ selection: { anchor: from, head: to }, effects: EditorView.scrollIntoView(from, { y: "center" }) });
      view.focus();
    },
    mark: (problems) =>
      view.dispatch(setDiagnostics(view.state, problems.map((p) => ({ ...place(p.line, p.column), severity: p.severity, message: p.message })))),
    scroll: () => view.scrollDOM.scrollTop,
    scrollTo: (top) => view.requestMeasure({ read: () => top, write: (y) => (view.scrollDOM.scrollTop = y) }),
    detach: () => {
      form?.removeEventListener("formdata", give);
      view.destroy();
      host.remove();
    },
  };
}
