// Comforts; without them every link, figure and state is on the page all the same.

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
addEventListener("scroll", mark, { passive: true });
mark();

// opens and folds all code at once
const button = document.getElementById("code-switch");
button.hidden = !document.querySelector("details.code");  // a lesson folds none
button.addEventListener("click", () => {
  const open = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", open);
  document.querySelectorAll("details.code").forEach(code => code.open = open);
});

// a link opens the fold that it leads to
function unfold() {
  const place = document.getElementById(location.hash.slice(1));
  for (let fold = place?.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
}
addEventListener("hashchange", unfold);
unfold();

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
  slider.addEventListener("input", show);
  show();
}

// on paper all states stand side by side
addEventListener("beforeprint", () => document.querySelectorAll(".states li").forEach(state => state.hidden = false));
addEventListener("afterprint", () => document.querySelectorAll(".states input").forEach(slider => slider.dispatchEvent(new Event("input"))));

// one verdict only, and verdicts by one kind of folds
const bar = document.querySelector(".bar"), judge = document.querySelector(".claims select");
if (bar) {
  const buttons = [...bar.querySelectorAll("button")], claims = [...document.querySelectorAll(".claim")];
  const signs = Object.fromEntries(buttons.map(button => [button.dataset.word, button.querySelector("i").textContent]));
  const slug = word => word.replace(" ", "-");
  const tell = () => {
    const wanted = buttons.find(button => button.getAttribute("aria-pressed") === "true")?.dataset.word;
    const words = claims.map(claim => claim.dataset[judge.value]);
    buttons.forEach(button => {
      const count = words.filter(word => word === button.dataset.word).length;
      button.querySelector("b").textContent = button.style.flexGrow = count;
      button.hidden = !count && button.dataset.word !== wanted;
    });
    claims.forEach((claim, k) => {
      const word = claim.querySelector("summary .word");
      word.className = "word " + slug(words[k]);
      word.innerHTML = `<i aria-hidden="true">${signs[words[k]]}</i> ${words[k]}`;
      claim.hidden = wanted && words[k] !== wanted;
    });
    for (const topic of document.querySelectorAll(".claims section")) {
      const own = [...topic.querySelectorAll(".claim")];
      topic.hidden = own.every(claim => claim.hidden);
      topic.querySelectorAll(".chips i").forEach((chip, k) => chip.className = slug(words[claims.indexOf(own[k])]));
    }
    document.querySelector(".claims output").value = `${claims.filter(claim => !claim.hidden).length} of ${claims.length} claims`;
  };
  buttons.forEach(button => {
    button.disabled = false;
    button.addEventListener("click", () => {
      const pressed = button.getAttribute("aria-pressed") === "true";
      buttons.forEach(other => other.setAttribute("aria-pressed", other === button && !pressed));
      tell();
    });
  });
  judge.closest("p").hidden = false;
  judge.addEventListener("change", tell);
  tell();
}
