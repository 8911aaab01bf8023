// swift-tools-version: 6.2

import PackageDescription

/// Every target is held to the same strictness; a warning is an error, here and in CI.
/// NonisolatedNonsendingByDefault is not among it: a call on a connection must begin on the
/// connection's own thread, which the hop to the task's executor sees to.
let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

func library(
  _ name: String, _ dependencies: [Target.Dependency], exclude: [String] = [],
  plugins: [Target.PluginUsage] = []
) -> Target {
  .target(
    name: name, dependencies: dependencies, exclude: exclude, swiftSettings: strict,
    plugins: plugins)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(name: name, dependencies: dependencies, swiftSettings: strict)
}

let package = Package(
  name: "Roost",
  platforms: [.macOS(.v15)],
  products: [
    .library(name: "Roost", targets: ["Roost"]),
    .library(name: "RoostMemory", targets: ["RoostMemory"]),
    .library(name: "RoostFile", targets: ["RoostFile"]),
    .library(name: "RoostPostgres", targets: ["RoostPostgres"]),
    .library(name: "RoostSystems", targets: ["RoostSystems"]),
    .library(name: "RoostBench", targets: ["RoostBench"]),
    .library(name: "RoostTesting", targets: ["RoostTesting"]),
    .library(name: "PostgresClient", targets: ["PostgresClient"]),
    .executable(name: "roost", targets: ["RoostCommand"]),
    .plugin(name: "EmbedMigrations", targets: ["EmbedMigrationsPlugin"]),
  ],
  dependencies: [],
  targets: [
    library("RoostCore", []),
    library("PostgresWire", ["RoostCore"]),
    library("PostgresClient", ["RoostCore", "PostgresWire"], exclude: ["README.md"]),
    library("Roost", ["RoostCore"], exclude: ["README.md"]),
    library("RoostMemory", ["RoostCore", "Roost"]),
    library("RoostFile", ["RoostCore", "Roost", "RoostMemory"], exclude: ["README.md"]),
    library("RoostPostgres", ["RoostCore", "Roost", "PostgresWire", "PostgresClient"]),
    library(
      "RoostSystems", ["RoostCore", "Roost"], plugins: [.plugin(name: "EmbedMigrationsPlugin")]),
    library("RoostBench", ["RoostCore", "Roost", "RoostSystems"]),
    .executableTarget(
      name: "RoostCommand",
      dependencies: [
        "RoostCore", "PostgresClient", "Roost", "RoostMemory", "RoostFile", "RoostPostgres",
        "RoostSystems", "RoostBench",
      ],
      resources: [.copy("Sample/packages.deb822")],
      swiftSettings: strict),
    .executableTarget(
      name: "embed-migrations", path: "Sources/EmbedMigrations", swiftSettings: strict),
    .plugin(
      name: "EmbedMigrationsPlugin", capability: .buildTool(),
      dependencies: ["embed-migrations"], path: "Sources/EmbedMigrationsPlugin"),
    library("RoostTesting", ["RoostCore", "Roost", "PostgresWire", "PostgresClient"]),
    // Built as usual it only keeps the corpus; `Tests/Fuzz/run` builds it with libFuzzer.
    .executableTarget(
      name: "Fuzz", dependencies: ["RoostCore", "PostgresWire", "PostgresClient", "Roost"],
      path: "Tests/Fuzz", exclude: ["Corpus", "run"], swiftSettings: strict),
    tests("FuzzTests", ["Fuzz"]),
    // Short runs are tests; `Tests/Proofs/run` makes long ones.
    .executableTarget(
      name: "Proofs",
      dependencies: [
        "RoostCore", "Roost", "RoostMemory", "RoostFile", "RoostPostgres", "RoostTesting",
      ],
      path: "Tests/Proofs", exclude: ["run"], swiftSettings: strict),
    tests("HouseTests", ["Roost", "RoostMemory", "RoostFile", "RoostPostgres", "RoostTesting"]),
    tests("RoostCoreTests", ["RoostCore"]),
    tests("RoostTests", ["RoostCore", "Roost", "PostgresClient", "RoostTesting"]),
    tests(
      "BackendTests",
      [
        "RoostCore", "Roost", "RoostMemory", "RoostFile", "RoostPostgres", "RoostSystems",
        "RoostTesting", "RoostBench", "PostgresClient", "Proofs",
      ]),
    tests("PostgresWireTests", ["RoostCore", "PostgresWire"]),
    tests("PostgresClientTests", ["RoostCore", "PostgresWire", "PostgresClient", "RoostTesting"]),
  ]
)
