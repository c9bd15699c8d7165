const { Modes, EmitModes } = require("@odata2ts/odata2ts");

module.exports = {
  mode: Modes.all,
  emitMode: EmitModes.ts,
  prettier: false,
  allowRenaming: false,
  services: { bc: { serviceName: "bc", source: process.env.CSDL, output: "build/bc" } },
};
