/*! Tracks whether a part of a window is visible, for work that stops when it isn't, such as a camera. */

export class OnScreen {
  #within = $state(false);
  #shown = $state(document.visibilityState === "visible");

  /** Scrolled into view, in a window that isn't hidden. */
  get now() {
    return this.#within && this.#shown;
  }

  /** Starts watching an element, for `{@attach}`. */
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
