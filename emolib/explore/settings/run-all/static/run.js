// JupyterLab has no setting that runs a notebook when it opens. This prebuilt extension does once
// what the menu's "Run All Cells" does, as soon as the notebook's kernel is there, and folds the
// pane of files.
const plugin = {
  id: "run-all:plugin",
  autoStart: true,
  activate: (app) => {
    app.restored.then(() => app.shell.collapseLeft());
    const timer = setInterval(() => {
      const panel = app.shell.currentWidget;
      if (panel?.sessionContext?.session?.kernel?.status !== "idle") return;
      clearInterval(timer);
      app.commands.execute("notebook:run-all-cells");
      // which has gone to the last cell
      setTimeout(() => {
        panel.content.activeCellIndex = 0;
        panel.content.scrollToItem(0, "start");
      }, 500);
    }, 100);
  },
};
window._JUPYTERLAB = window._JUPYTERLAB ?? {};
window._JUPYTERLAB["run-all"] = { init: () => {}, get: async () => () => plugin };
