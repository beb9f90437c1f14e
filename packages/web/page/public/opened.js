// Browsers load no modules from files: say how to open the page instead. Not a module itself, so that it runs there.
if (location.protocol === "file:") {
  document.getElementById("opening").textContent =
    "This page was opened as a file, and browsers let files load neither scripts nor networks. Serve its folder " +
    "instead, for instance with “npx serve” there, and open the address that it prints. README.txt has more.";
}
