// Comforts; without them every link, figure and state is on the page all the same.

// marks in the navigation where the reader is
const links = [...document.querySelectorAll("#contents a")];
const places = links.map(link => document.getElementById(link.hash.slice(1)));
const contents = document.querySelector("#contents > ol");
function mark() {
  const here = Math.max(0, places.findLastIndex(place => place.getBoundingClientRect().top < innerHeight / 3));
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
