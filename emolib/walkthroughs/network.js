// A ShallowNet of five features, H sigmoid units and an output per emotion that trains on the page,
// step by step as emolib.train does: smooth L1 loss, Adam, pruning by angles, in double precision.
(() => {
// features, rows per batch, and as in the library: Adam's constants, moments that count as 0, and
// the range of activation of a constant unit
const D = 5, BATCH = 10, BETA1 = 0.9, BETA2 = 0.999, EPSILON = 1e-8, TINY = 1e-30, CONSTANT = 0.01;
const { abs, acos, ceil, exp, floor, fround, imul, max, min, PI, sqrt } = Math;

// numbers in 0..1 from a seed (mulberry32)
const random = seed => () => {
  seed = seed + 1831565813 | 0;
  let t = imul(seed ^ seed >>> 15, 1 | seed);
  t = t + imul(t ^ t >>> 7, 61 | t) ^ t;
  return ((t ^ t >>> 14) >>> 0) / 2 ** 32;
};
const joined = (list, form) => [...list].map(form).join("");
const shuffled = (list, draw) => {
  const found = [...list];
  for (let k = found.length; k;) {
    const other = floor(draw() * k--);
    [found[k], found[other]] = [found[other], found[k]];
  }
  return found;
};

// rows that train and rows that test, a fifth: at random within each emotion, or by person, where
// the most even of fifty deals is taken
function deal(protocol, labels, people, draw) {
  const rows = [...labels.keys()], fifth = (list, by) => shuffled(list, draw).sort(by).filter((_, k) => k % 5 < 1);
  let tested, least = 1e9;
  if (protocol === "random") tested = fifth(rows, (a, b) => labels[a] - labels[b]);
  else for (let k = 50; k--;) {
    const chosen = fifth(new Set(people), () => 0), deficit = Array(9).fill(0);
    const part = rows.filter(row => {
      const tests = chosen.includes(people[row]);
      deficit[labels[row]] += 1 - 5 * tests;
      return tests;
    });
    const uneven = deficit.reduce((sum, own) => sum + abs(own), 0);
    if (uneven < least) [least, tested] = [uneven, part];
  }
  return [rows.filter(row => !tested.includes(row)), tested];
}

// features mapped to 0..1 over the training rows, rounded to single precision, as the library does
function scaled(features, train) {
  const x = Float64Array.from(features);
  for (let d = 0; d < D; d++) {
    const own = train.map(row => features[row * D + d]), low = min(...own), span = max(...own) - low || 1;
    for (let i = d; i < x.length; i += D) x[i] = fround((x[i] - low) / span);
  }
  return x;
}

const initial = (H, C, draw) => [[H * D + H, D], [C * H + C, H]].flatMap(([count, inputs]) =>
  Array.from({ length: count }, () => (2 * draw() - 1) / sqrt(inputs)));

// weights are flat, in the library's order: hidden.weight [H, D], hidden.bias [H],
// output.weight [C, H], output.bias [C]
function network(x, labels, train, C, options, weights) {
  const { hidden: H, learning_rate, angle, activation_shift, merge_weights, schedule } = options;
  const O = H * D, U = O + H, T = U + C * H, w = Float64Array.from(weights);
  const [g, m, v, h, out] = [w, w, w, H, C].map(size => new Float64Array(size.length ?? size));
  const alive = Array(H).fill(1), net = { w, alive, left: H, epochs: 0, epoch, forward, recall };
  let step = 0;

  function forward(row) {
    for (let u = 0; u < H; u++) {
      let z = w[O + u];
      for (let d = 0; d < D; d++) z += w[u * D + d] * x[row * D + d];
      h[u] = alive[u] / (1 + exp(-z));
    }
    for (let c = 0; c < C; c++) {
      out[c] = w[T + c];
      for (let u = 0; u < H; u++) out[c] += w[U + c * H + u] * h[u];
    }
    return out;
  }

  // trains on the rows in this order; returns the mean loss of its batches
  function epoch(order) {
    let total = 0, batches = 0;
    for (; batches * BATCH < order.length; batches++) {
      const rows = order.slice(batches * BATCH, (batches + 1) * BATCH), share = 1 / rows.length / C;
      g.fill(0);
      for (const row of rows) {
        forward(row);
        for (let c = 0; c < C; c++) {
          const error = out[c] - (labels[row] === c), slope = max(-1, min(1, error));
          total += slope * (error - slope / 2) * share;
          g[T + c] += out[c] = slope * share;
        }
        for (let u = 0; u < H; u++) {
          let back = 0;
          for (let c = 0, i = U + u; c < C; c++, i += H) {
            back += out[c] * w[i];
            g[i] += out[c] * h[u];
          }
          g[O + u] += back *= h[u] * (1 - h[u]);
          for (let d = 0; d < D; d++) g[u * D + d] += back * x[row * D + d];
        }
      }
      const root = 1 / sqrt(1 - BETA2 ** ++step), size = learning_rate / (1 - BETA1 ** step);
      for (let i = 0; i < w.length; i++) {
        m[i] = BETA1 * m[i] + (1 - BETA1) * g[i];
        v[i] = BETA2 * v[i] + (1 - BETA2) * g[i] * g[i];
        if (abs(m[i]) < TINY) m[i] = 0;
        if (v[i] < TINY) v[i] = 0;
        w[i] -= size * m[i] / (sqrt(v[i]) * root + EPSILON);
      }
    }
    if ((net.epochs++ < 1 || schedule) && angle) prune();
    return total / batches;
  }

  // of two units closer than the minimal angle the later one goes, from the closest pair on
  function prune() {
    const outputs = u => [...out.keys()].map(c => U + c * H + u), both = ([, i, j]) => alive[i] && alive[j];
    const goes = u => {
      alive[u] = 0;
      net.left--;
      for (const i of outputs(u)) w[i] = 0;
    };
    const seen = train.map(row => forward(row) && [...h]), units = [...h.keys()].filter(u => alive[u]);
    if (merge_weights) {
      const range = units.map(u => {
        const own = seen.map(h => h[u]);
        return [u, min(...own), max(...own)];
      });
      const constant = range.filter(([, low, high]) => high - low < CONSTANT);
      for (const [u, low, high] of constant.slice(constant.length === units.length)) {
        outputs(u).forEach((i, c) => w[T + c] += w[i] * (low + high) / 2);
        goes(u);
      }
    }
    const dot = (i, j) => seen.reduce((sum, h) => sum + (h[i] - activation_shift) * (h[j] - activation_shift), 0);
    const pairs = units.flatMap(i => units.filter(j => j > i).map(j => {
      const cosine = dot(i, j) / sqrt(dot(i, i) * dot(j, j));
      return [acos(max(-1, min(1, cosine))) * 180 / PI, i, j];
    })).filter(([degrees]) => degrees >= 0).sort(([a], [b]) => a - b);
    for (const pair of pairs) {
      const [degrees, i, j] = pair, from = outputs(j);
      if (degrees >= angle || !both(pair)) continue;
      if (merge_weights) outputs(i).forEach((to, c) => w[to] += w[from[c]]);
      goes(j);
    }
    if (merge_weights) for (const pair of pairs.reverse()) {  // complementary ones
      if (pair[0] > 180 - angle && both(pair) && net.left > 2) pair.slice(1).forEach(goes);
    }
  }

  // share of rows predicted right, by class and in all
  function recall(rows) {
    const right = Array(C + 1).fill(0), count = [...right];
    for (const row of rows) {
      const c = labels[row], hit = forward(row).every(value => value <= out[c]);
      right[c] += hit;
      right[C] += hit;
      count[c]++;
      count[C]++;
    }
    return right.map((hits, c) => hits / count[c]);
  }
  return net;
}

for (const root of document.querySelectorAll(".network:not(.live)")) {
  const { preset, emotions, faces } = JSON.parse(root.dataset.network), names = Object.keys(emotions), C = names.length;
  const bytes = Uint8Array.from(atob(faces), sign => sign.charCodeAt()), N = bytes.length / (4 * D + 2);
  const features = new Float32Array(bytes.buffer, 0, N * D), labels = [...bytes.subarray(-2 * N, -N)], people = [...bytes.subarray(-N)];
  const percent = share => `${Math.round(100 * share)} %`;

  // controls, by the names of a sweep's columns
  const field = (tag, name, label, inside) => `<label>${label}<${tag} name=${name} ${inside}</${tag}></label>`;
  const whole = (name, label, low, high) => field("input", name, label, `type=number min=${low} max=${high} required>`);
  const menu = (name, label, choices) => field("select", name, label, ">" + joined(choices, ([value, text = value]) => `<option value=${value}>${text}</option>`));
  const form = document.createElement("form"), picture = '<svg role=img viewBox="0 0 320 170"></svg>';
  form.ariaLabel = "A network that trains on this page";
  form.innerHTML = "<div>" + menu("protocol", "folds", [["random"], ["person-independent"]])
    + whole("hidden", "hidden units", 1, 50)
    + menu("learning_rate", "learning rate", [[0.0001, "0.0001, the paper’s"], [0.001], [0.01], [0.1]])
    + whole("max_epochs", "epochs", 1, 1000)
    + whole("angle", "minimal angle / °", 0, 180)
    + menu("activation_shift", "activations", [[0, "as they are"], [0.5, "shifted by 0.5"]])
    + menu("merge_weights", "outgoing weights", [[0, "go with the unit"], [1, "are handed over"]])
    + whole("seed", "seed", 0, 99999)
    + '</div><p><button>Train</button> <button type=button>Again, next seed</button> <button type=button>Stop</button></p>'
    + '<p role=status>Not trained yet.</p><div hidden><p class=units role=img></p>' + picture + picture
    + '<div class=recall role=img></div><div class=runs></div></div>';
  const [said, shown, units, loss, accuracy, recall, runs] = ["[role]", "[hidden]", ".units", "svg", "svg + svg", ".recall", ".runs"].map(part => form.querySelector(part));
  const { elements } = form, [again, stop] = form.querySelectorAll("[type=button]");
  for (const own of elements) if (own.name) own.value = preset[own.name];
  const ended = {};  // accuracies of the runs that came to their end, by their settings
  let end = () => {};  // of the run in progress

  function plot(svg, title, unit, epochs, low, high, lines, guess) {
    const X = e => 42 + 270 * e / epochs, Y = value => 146 - 116 * (value - low) / (high - low);
    const text = (x, y, words, look) => `<text class=${look} x=${x} y=${y}>${words}</text>`;
    const level = (value, look) => `<path class=${look} d=M42,${Y(value)}H312 />`;
    svg.innerHTML = text(42, 14, title, "title") + text(70, 163, "epoch") + text(312, 163, epochs)
      + joined([low, (low + high) / 2, high], value => level(value) + text(36, Y(value) + 4, unit(value))) + level(guess, "guess") + text(312, Y(guess) + 12, "guessing")
      + joined(lines, ([name, values], k) => `<polyline class=line${k} points="${values.map((value, e) => [X(e + 1), Y(value)])}"/>`
        + text(312 - 70 * k, 14, name, "line" + k));
    svg.ariaLabel = title + ":" + lines.map(([name, values]) => ` ${name} ${unit(values[0])} to ${unit(values.at(-1))}`);
  }

  function train() {
    const protocol = elements.protocol.value, options = {};
    for (const [name, value] of new FormData(form)) options[name] = +value;
    const { seed, hidden, max_epochs, angle } = options, [split, start, order] = [0, 1, 2].map(k => random(3 * seed + k));
    const [trained, tested] = deal(protocol, labels, people, split);
    const net = network(scaled(features, trained), labels, trained, C, options, initial(hidden, C, start));
    const losses = [], curves = [["test rows", [], tested], ["training rows", [], trained]];
    let setting = `${protocol} folds, ${hidden} units, ${max_epochs} epochs at ${options.learning_rate}`;
    if (angle) setting += `, ${angle}°${options.activation_shift ? " shifted" : ""}${options.merge_weights ? ", handed over" : ""}`;
    const guess = 50 * (C - 1) / C / C;  // loss of one and the same output for all rows
    let spoke = 0, running = true;

    function draw(state) {
      const shares = net.recall(tested), left = `${net.left} of ${hidden} units left`, top = ceil(5 * max(0.3, ...curves.flatMap(([, own]) => own))) / 5;
      units.innerHTML = joined(net.alive, (stays, u) => `<span class=${stays || "gone"}>${u + 1}</span> `);
      units.ariaLabel = `Hidden units, ${left}; struck out: ${net.alive.flatMap((stays, u) => stays ? [] : u + 1)}`;
      plot(loss, "Loss", value => (value / 100).toFixed(3), max_epochs, floor(min(...losses)), ceil(max(...losses, guess)), [["training rows", losses]], guess);
      plot(accuracy, "Accuracy", percent, max_epochs, 0, top, curves, 1 / C);
      recall.innerHTML = "<b>Recall on the test rows, line: guessing</b>" + joined(names, (name, c) => `<span>${name}</span><span><i style=width:${80 * shares[c]}%;background:light-dark(${emotions[name]})></i> ${percent(shares[c])}</span>`);
      recall.ariaLabel = `Recall on the test rows, guessing ${percent(1 / C)}:` + names.map((name, c) => ` ${name} ${percent(shares[c])}`);
      if (state || performance.now() > spoke + 1000) {
        spoke = performance.now();
        said.textContent = `${state ?? "Training"}, epoch ${net.epochs} of ${max_epochs}: test accuracy ${percent(shares[C])}, ${left}.`;
      }
    }

    end = state => {
      if (running && net.epochs) draw(state);
      running = false;
    };
    const frame = () => {
      if (!running) return;
      // at least three seconds for a run, so that one can follow it, and a page that answers
      const until = performance.now() + 12;
      for (let k = max_epochs / 200; k > 0 && net.epochs < max_epochs && performance.now() < until; k--) {
        losses.push(100 * net.epoch(shuffled(trained, order)));
        for (const [, own, rows] of curves) own.push(net.recall(rows)[C]);
      }
      if (net.epochs < max_epochs) return requestAnimationFrame(frame, draw());
      end("Trained");
      (ended[setting] ??= []).push(curves[0][1].at(-1));
      const all = Object.entries(ended).slice(-4), top = max(0.4, ...all.flatMap(([, own]) => own));
      runs.innerHTML = "<b>Test accuracy of all runs</b>" + joined(all, ([name, own]) => {
        const mean = percent(own.reduce((a, b) => a + b) / own.length);
        const dots = joined(own, share => `<i style=left:${95 * share / top}%></i>`);
        return `<p>${name}: ${own.length > 1 ? own.length + " runs, " + percent(min(...own)) + " to " + percent(max(...own)) + ", mean " : ""}${mean}</p><div class=${name.split(" ")[0]}>${dots}</div>`;
      });
    };
    form.className = protocol;
    shown.hidden = false;
    root.querySelector(".still").hidden = true;
    root.network.trained = net;
    frame();
  }

  form.onsubmit = () => {
    end();
    train();
    return false;
  };
  again.onclick = () => {
    elements.seed.stepUp();
    form.requestSubmit();
  };
  stop.onclick = () => end("Stopped");
  root.network = { network, deal, scaled, features, labels, people };
  root.classList.add("live");
  root.prepend(form);
}
})();
