// Gives the tests the package as this page's bundler delivers it.

import * as gmrWeb from "@gmr-conv/web";

globalThis.gmrWeb = gmrWeb;
