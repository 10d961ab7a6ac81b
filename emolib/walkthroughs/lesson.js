// checks answers that are numbers by the rules that the lesson's own check has
for (const form of document.querySelectorAll(".exercise")) {
  const { rules, options, otherwise } = JSON.parse(form.dataset.rules);
  const boxes = [...form.querySelectorAll("[type=checkbox]")], field = form.querySelector("[type=text]");
  // numbers, or quotients such as 3/7
  const read = text => [...text.matchAll(/(-?\d*\.?\d+(?:e-?\d+)?)(?:\s*\/\s*(\d*\.?\d+))?/gi)].map(([, over, under]) => over / (under ?? 1));
  const wanted = rules[0][0].length, output = form.querySelector("output");
  form.hidden = false;
  form.nextElementSibling.hidden = true;
  on(form, "submit", event => {
    event.preventDefault();
    const answer = options ? boxes.flatMap((box, k) => box.checked ? [k] : []) : read(field.value);
    const rule = rules.findIndex(([values, , within]) =>
      values.length === answer.length && values.every((value, k) => Math.abs(value - answer[k]) <= within + 1e-9));
    const right = rule === 0, count = wanted === 1 ? "one number is" : `${wanted} numbers are`;
    const sentence = rule >= 0 ? rules[rule][1]
      : answer.length === wanted ? otherwise : `${count} asked for, with decimal points; this is ${answer.length}.`;
    output.className = right ? "right" : "wrong";
    output.value = `${right ? "✓ Right" : "✗ Not yet"}: ${sentence}`;
  });
}

// a table that scrolls takes focus
for (const table of document.querySelectorAll(".prose table")) table.tabIndex = table.scrollWidth > table.clientWidth ? 0 : -1;
