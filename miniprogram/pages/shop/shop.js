const { shop } = require("../../config");

// Only paths of our own shop: a share link can't make the shell open somebody else's page.
const own = (path) => (/^\/[\w\-/.?=&%]*$/.test(path) && !path.startsWith("//") ? path : "/shop/");

Page({
  data: { address: "" },
  onLoad({ code = "", path = "" }) {
    this.path = own(decodeURIComponent(path));
    const next = encodeURIComponent(this.path);
    this.setData({ address: `${shop}/signin/wechat/?code=${encodeURIComponent(code)}&next=${next}` });
  },
  // The shop tells what is on the page, so that the menu's "send to chat" shares that page and not the front.
  heard({ detail }) {
    this.last = (detail.data || []).slice(-1)[0];
  },
  onShareAppMessage({ webViewUrl }) {
    const path = own((webViewUrl || "").replace(shop, "")) || "/shop/";
    const told = this.last || {};
    return { title: told.title || "邻里，一起买", path: `/pages/start/start?path=${encodeURIComponent(path)}` };
  },
});
