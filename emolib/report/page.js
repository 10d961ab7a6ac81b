// Comforts; without them every link, figure and state is on the page all the same.
const on = (element, events, act) => events.split(" ").forEach(event => element.addEventListener(event, act));

// marks in the navigation where the reader is
const links = [...document.querySelectorAll("#contents a")];
const places = links.map(link => document.getElementById(link.hash.slice(1)));
const contents = document.querySelector("#contents > ol");
function mark() {
  const ended = innerHeight + scrollY > document.documentElement.scrollHeight - 2;
  const here = ended ? links.length - 1 : Math.max(0, places.findLastIndex(place => place.getBoundingClientRect().top < innerHeight / 3));
  if (links[here].hasAttribute("aria-current")) return;
  links.forEach((link, k) => k === here ? link.setAttribute("aria-current", "location") : link.removeAttribute("aria-current"));
  const chapter = links[here].closest("#contents > ol > li");
  contents.scrollTo({ left: chapter.offsetLeft - 16 });
}
on(window, "scroll", mark);
mark();

// opens and folds all code at once
const code = document.querySelectorAll("details.code"), button = document.getElementById("code-switch");
button.hidden = !code.length;  // a lesson folds none
on(button, "click", () => {
  const open = button.ariaPressed !== "true";
  button.ariaPressed = open;
  code.forEach(fold => fold.open = open);
});

// a link opens the fold that it leads to
function unfold({ hash }) {
  const place = hash && document.getElementById(hash.slice(1));
  const fold = place && (place.querySelector(":scope > .folded") ?? place.closest("details"));
  if (fold) fold.open = true;
}
on(document, "click", ({ target }) => unfold(target.closest("a") ?? ""));
unfold(location);

// a picture stands in the file once: its link to download takes it from there
for (const link of document.querySelectorAll("a[data-picture]")) {
  link.href = link.closest("figure").querySelectorAll("img")[link.dataset.picture].src;
  link.hidden = false;
}

// shows one state at a time, the one that the slider is at
for (const card of document.querySelectorAll(".states")) {
  const slider = card.querySelector("input"), states = [...card.querySelectorAll("li")];
  const show = () => {
    states.forEach((state, k) => state.hidden = k !== slider.valueAsNumber);
    const { value } = states[slider.valueAsNumber].dataset;
    slider.setAttribute("aria-valuetext", value);
    card.querySelector("output").value = value;
  };
  card.querySelector(".control").hidden = false;
  card.classList.add("live");
  on(slider, "input", show);
  show();
}

// a frame takes focus, and has a name, only while it scrolls
const frames = new ResizeObserver(entries => entries.forEach(({ target: frame }) => {
  const scrolls = frame.scrollWidth > frame.clientWidth;
  frame.tabIndex = scrolls ? 0 : -1;
  frame.role = scrolls ? "region" : null;
  frame.ariaLabel = scrolls ? frame.dataset.label ?? (frame.matches("pre") ? "Code" : "Formula") : null;
}));
document.querySelectorAll(".scroll, pre, .formula").forEach(frame => frames.observe(frame));

// a preview of what a link leads to, while the mouse or the keyboard is there
const preview = document.body.appendChild(document.createElement("div"));
preview.id = "preview";
preview.ariaHidden = true;
let timer;
function soon(act) {
  clearTimeout(timer);
  timer = setTimeout(act, 300);
}
const close = () => preview.replaceChildren();
for (const link of document.querySelectorAll(".page a[href^='#']")) {
  const card = document.querySelector(`.card${link.hash}:not(.claims):has(img, table)`);
  if (!card) continue;
  const open = () => {
    preview.replaceChildren(card.querySelector("figcaption, summary").textContent, card.querySelector("img, table").cloneNode(true));
    const { left, top, bottom } = link.getBoundingClientRect(), high = preview.offsetHeight;
    const edge = bottom + high < innerHeight ? bottom : top - high;
    preview.style = `left: min(${left}px, 100vw - 25rem); top: ${scrollY + edge}px`;
  };
  on(link, "pointerenter focus", ({ pointerType }) => {
    if (pointerType ? pointerType === "mouse" : link.matches(":focus-visible")) soon(open);
  });
  on(link, "pointerleave blur click", () => soon(close));
}
on(preview, "pointerenter", () => soon());
on(preview, "pointerleave", () => soon(close));
on(window, "keydown", ({ key }) => key === "Escape" && close(soon()));

// something to try with the numbers of a card, taken from its link to download: a menu per column of
// words, buttons, a sentence, and dots on an axis in percent; act draws and returns the sentence
function trial(id, title, buttons, measure, any, act) {
  const card = document.getElementById(id);
  if (!card) return;
  const csv = decodeURIComponent(card.querySelector("[download$=csv]").href).replace(/.*?,/, "");
  const [names, ...lines] = csv.trim().split("\n").map(line =>
    line.split(/,(?=(?:[^"]*"[^"]*")*[^"]*$)/).map(cell => cell.replace(/^"(.*)"$/, "$1").replaceAll('""', '"')));
  const at = names.indexOf(measure), rows = lines.filter(row => row[at]);
  const box = document.createElement("fieldset");
  box.innerHTML = `<legend>${title}</legend><p>`
    + names.slice(0, at).map(name => `<label>${name}<select></select></label>`).join("")
    + buttons.map(text => `<button>${text}</button>`).join("")
    + '</p><output aria-live="polite"></output><div aria-hidden="true"></div>';
  card.querySelector(".small-print").before(box);
  const menus = [...box.querySelectorAll("select")], [said, axis] = box.querySelectorAll("output, div");
  menus.forEach((menu, k) => {
    const values = [...new Set(rows.map(row => row[k]))].sort((a, b) => a - b || (a > b ? 1 : -1));
    if (any) menu.append(new Option("any", ""));
    menu.append(...values.map(value => new Option(value, value)));
  });
  const fits = (row, but) => menus.every((menu, k) => k === but || !menu.value || menu.value === row[k]);
  const tens = Math.ceil(10 * Math.max(...rows.flatMap(row => row.slice(at))));
  const mark = (tag, percent, text, look) => `<${tag} style="left: ${10 * percent / tens}%; ${look}">${text}</${tag}>`;
  const plot = (printed, dots) => axis.innerHTML = [
    ...Array.from({ length: tens + 1 }, (_, k) => mark("span", 10 * k, `${10 * k} %`)),
    ...printed.map(figure => mark("b", figure, `${figure} %`)),
    ...dots.map(([share, look]) => mark("i", 100 * share, "", look)),
  ].join("");
  function show(button) {
    said.value = act(rows.filter(row => fits(row)), plot, button, rows, names.slice(at));
    menus.forEach((menu, k) => [...menu.options].filter(option => option.value).forEach(option => {
      const count = rows.filter(row => row[k] === option.value && fits(row, k)).length;
      option.text = `${option.value} (${count || "none left"})`;
    }));
  }
  on(box, "change", () => show());
  on(box, "click", ({ target }) => {
    if (!target.matches("button")) return;
    if (any) menus.forEach(menu => menu.value = "");
    show(target.textContent);
  });
  show();
}

const accent = "color: var(--accent)";
trial("readings", "Read the paper your way", ["Any of all"], "value", true, (left, plot, button, rows, [, ...levels]) => {
  const at = rows[0].length - levels.length;
  const curve = (rows, look) => rows.map((row, k) => [row[at - 1], `bottom: ${100 * k / rows.length}%; ${look}`]);
  plot(levels.map(level => level.match(/\d+/)), [...curve(rows, "color: var(--rule)"), ...curve(left, accent)]);
  if (!left.length) return "No reading makes these choices.";
  return levels.map((level, k) =>  // such as "reaches 31 %"
    `${left.filter(row => +row[at + k]).length} of ${left.length} readings ${level.replace("es", "")}`).join(", ") + ".";
});

let left = [], drawn;
trial("single-splits", "Draw a split", ["Draw a split", "Draw until the paper’s figure"], "recall", false, (rows, plot, button) => {
  if (!button || !left.length) [left, drawn] = [[...rows], []];
  const reaches = ([, share, paper]) => share >= paper - 0.005, percent = share => Math.round(100 * share);
  const before = drawn.length, piles = {}, step = Math.min(4, 600 / rows.length);
  if (button) do drawn.push(...left.splice(Math.random() * left.length, 1));
  while (button.includes("until") && left.length && !reaches(drawn.at(-1)));
  const tries = drawn.length, printed = percent(rows[0][2]);
  plot([printed], drawn.map((row, k) => {
    const pile = piles[percent(row[1])] = (piles[percent(row[1])] ?? -1) + 1;
    const delay = k < before ? -1000 : 20 * (k - before);
    return [row[1], `bottom: ${step * pile}%; animation-delay: ${delay}ms; ${reaches(row) && accent}`];
  }));
  const reached = `the printed ${printed} % is reached by ${drawn.filter(reaches).length || "none"}`;
  if (!left.length) return `All ${tries} stored splits are drawn: ${reached}.`;
  return tries ? `Try ${tries}: ${percent(drawn.at(-1)[1])} %; ${reached} of ${tries}.` : `${left.length} results are stored.`;
});

// one verdict only, by both kinds of folds or one of them
const bar = document.querySelector(".bar"), judge = document.querySelector(".claims select");
if (bar) {
  const buttons = [...bar.children], claims = [...document.querySelectorAll(".claim")];
  const chips = document.querySelectorAll(".chips i");
  const tell = () => {
    const wanted = buttons.find(button => button.ariaPressed === "true");
    const found = claims.map(claim => buttons.find(button => button.dataset.word === claim.dataset[judge.value]));
    buttons.forEach(button => {
      const count = found.filter(own => own === button).length;
      button.firstChild.textContent = button.style.flexGrow = count;
      button.hidden = !count && button !== wanted;
    });
    claims.forEach((claim, k) => {
      const word = claim.querySelector(".word"), own = found[k];
      word.className = `word ${chips[k].className = own.className}`;
      word.innerHTML = own.lastChild.innerHTML;
      claim.hidden = wanted && own !== wanted;
    });
    document.querySelectorAll(".claims section").forEach(topic => topic.hidden = !topic.querySelector(".claim:not([hidden])"));
    judge.nextElementSibling.value = `${claims.filter(claim => !claim.hidden).length} of ${claims.length} claims`;
  };
  buttons.forEach(button => {
    button.disabled = false;
    on(button, "click", () => {
      const pressed = button.ariaPressed !== "true";
      buttons.forEach(other => other.ariaPressed = pressed && other === button);
      tell();
    });
  });
  judge.parentElement.hidden = claims.every(({ dataset }) => dataset.random === dataset.new);
  on(judge, "change", () => tell(buttons.forEach(button => button.ariaPressed = false)));
  tell();
}
