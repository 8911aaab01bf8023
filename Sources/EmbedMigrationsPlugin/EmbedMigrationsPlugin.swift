import Foundation
import PackagePlugin

/// Compiles the package's `migrations/<system>/*.sql` into the target: a static property of
/// `[MigrationFile]` for each system.
@main
struct EmbedMigrationsPlugin: BuildToolPlugin {
  func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
    let root = context.package.directoryURL.appendingPathComponent("migrations")
    let systems = try FileManager.default.contentsOfDirectory(
      at: root, includingPropertiesForKeys: [.isDirectoryKey]
    ).filter { try $0.resourceValues(forKeys: [.isDirectoryKey]).isDirectory == true }
    let files = try systems.flatMap { system in
      try FileManager.default.contentsOfDirectory(at: system, includingPropertiesForKeys: nil)
    }
    let output = context.pluginWorkDirectoryURL.appendingPathComponent("Migrations.swift")
    let folders = systems.map(\.path).sorted()
    return [
      .buildCommand(
        displayName: "Embedding \(systems.count) systems' migrations",
        executable: try context.tool(named: "embed-migrations").url,
        arguments: [output.path] + folders,
        inputFiles: files.sorted { $0.path < $1.path },
        outputFiles: [output])
    ]
  }
}
