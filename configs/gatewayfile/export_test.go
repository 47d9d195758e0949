package gatewayfile

// LoadUsual is Load with another DefaultPath.
var LoadUsual = load
