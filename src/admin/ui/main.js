// A placeholder: how the proxy stands, and a login where one is needed.
const part = (id) => document.getElementById(id);

const show = async () => {
  const answer = await fetch("/api/v1/status");
  const told = await answer.json();
  part("login").hidden = answer.status !== 401;
  part("problem").textContent = answer.ok ? "" : told.detail;
  const rows = answer.ok ? Object.entries(told) : [];
  part("status").replaceChildren(
    ...rows.flatMap(([name, value]) => {
      const [term, text] = [document.createElement("dt"), document.createElement("dd")];
      term.textContent = name;
      text.textContent = typeof value === "object" ? JSON.stringify(value) : value;
      return [term, text];
    }),
  );
};

part("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  const token = new FormData(event.target).get("token");
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify({ token });
  const answer = await fetch("/api/v1/session", { method: "POST", headers, body });
  if (answer.ok) {
    event.target.reset();
    await show();
  } else {
    part("problem").textContent = (await answer.json()).detail;
  }
});

await show();
