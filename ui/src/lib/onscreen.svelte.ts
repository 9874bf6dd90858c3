/*! Whether a part of a window is seen now: for what is to run no longer than that, as a camera. */

export class OnScreen {
  #within = $state(false);
  #shown = $state(document.visibilityState === "visible");

  /** Scrolled into view, in a window that isn't hidden. */
  get now() {
    return this.#within && this.#shown;
  }

  /** For `{@attach}` on the element. */
  watch = (element: Element) => {
    const look = () => (this.#shown = document.visibilityState === "visible");
    const observer = new IntersectionObserver((entries) => {
      this.#within = entries.at(-1)?.isIntersecting ?? false;
    });
    observer.observe(element);
    document.addEventListener("visibilitychange", look);
    return () => {
      observer.disconnect();
      document.removeEventListener("visibilitychange", look);
      this.#within = false;
    };
  };
}
