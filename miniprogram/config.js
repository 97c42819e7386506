// The only file to change: where your shop answers. It must be https, and listed as a business domain (业务域名).
module.exports = { shop: "https://shop.example.com" };
