export { startApi, type Api, type ApiOptions, type ApiRoute } from './api.js';
export { APP_EVENT_FAULTS, generateAppEvents } from './appEvents/generate.js';
export { appEventRules } from './appEvents/rules.js';
export { CUSTOMER_FAULTS, CUSTOMERS_FILE, generateCustomers } from './customers/generate.js';
export { customerRules } from './customers/rules.js';
export {
  fleetDatasets,
  fleetPath,
  type FleetDataset,
  type FleetOptions,
  type FleetPlaces,
  type FleetVersion,
} from './fleet.js';
export * from './oracle/index.js';
export { generatePayments, PAYMENT_FAULTS, type PaymentOptions } from './payments/generate.js';
export { paymentRules } from './payments/rules.js';
export {
  generatePhotoOrders,
  PHOTO_ORDER_FAULTS,
  PICTURE_BUCKET,
  type Library,
  type PhotoOptions,
  type PhotoVersion,
} from './photoOrders/generate.js';
export { photoOrderRules } from './photoOrders/rules.js';
export { START_MS, type Scale } from './scale.js';
export { generateShopOrders, SHOP_ORDER_FAULTS, type ApiOrder, type ShopVersion } from './shopOrders/generate.js';
export { shopOrdersRoute, SHOP_ORDERS_PATH } from './shopOrders/route.js';
export { answered, askedSinceMs, shopOrderRules } from './shopOrders/rules.js';
export { generateWebPrices, WEB_PRICE_FAULTS, type WebPriceOptions } from './webPrices/generate.js';
export { webPriceRules } from './webPrices/rules.js';
export { keyedHash, worldOf } from './worlds.js';
export { type Reason, type SourceFile, type TextFields, type Version, type Written } from './written/index.js';
