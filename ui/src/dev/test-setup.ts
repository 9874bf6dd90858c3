/*! Tests read one language and one clock, wherever they run. */
process.env.TZ = "UTC";
