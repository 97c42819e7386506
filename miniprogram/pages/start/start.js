// Asks WeChat for a one-time code and hands it to the shop, which opens in the web-view already knowing it.
Page({
  data: { failed: false },
  onLoad(options) {
    this.there = options.path ? decodeURIComponent(options.path) : "/shop/";
    this.enter();
  },
  enter() {
    this.setData({ failed: false });
    wx.login({
      timeout: 8000,
      success: ({ code }) => wx.redirectTo({
        url: `/pages/shop/shop?code=${encodeURIComponent(code)}&path=${encodeURIComponent(this.there)}`,
      }),
      fail: () => this.setData({ failed: true }),
    });
  },
});
