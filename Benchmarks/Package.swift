// swift-tools-version: 6.2

import PackageDescription

// A package of its own, so that nobody who uses Roost builds it.
let package = Package(
  name: "RoostBenchmarks",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "Roost", path: "..")],
  targets: [
    .executableTarget(
      name: "roost-benchmarks",
      dependencies: [
        .product(name: "Roost", package: "Roost"),
        .product(name: "RoostMemory", package: "Roost"),
        .product(name: "RoostFile", package: "Roost"),
        .product(name: "RoostPostgres", package: "Roost"),
        .product(name: "RoostSystems", package: "Roost"),
        .product(name: "RoostBench", package: "Roost"),
        .product(name: "RoostTesting", package: "Roost"),
        .product(name: "PostgresClient", package: "Roost"),
      ],
      path: "Sources/RoostBenchmarks",
      swiftSettings: [
        .swiftLanguageMode(.v6),
        .treatAllWarnings(as: .error),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
      ])
  ]
)
