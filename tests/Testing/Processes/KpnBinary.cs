namespace KubeProxyNet.Testing.Processes;

/// <summary>Where the kpn under test is.</summary>
public static class KpnBinary
{
    /// <summary>
    /// The binary that KPN_BINARY names, for a run of the tests against a published one; else the one beside the tests' own assembly; else the
    /// one that src/Cli was last built to in the same configuration. Throws where there is none.
    /// </summary>
    public static string Path { get; } = Find();

    private static string Find()
    {
        if (Environment.GetEnvironmentVariable("KPN_BINARY") is { Length: > 0 } given)
        {
            return File.Exists(given) ? given : throw new FileNotFoundException("KPN_BINARY names no file", given);
        }

        // .../tests/NAME/bin/CONFIGURATION/net10.0/
        var output = new DirectoryInfo(AppContext.BaseDirectory);
        string[] places =
        [
            System.IO.Path.Combine(output.FullName, "kpn"),
            Repository.File(System.IO.Path.Combine("src/Cli/bin", output.Parent!.Name, output.Name, "kpn")),
        ];
        return places.FirstOrDefault(File.Exists) ?? throw new FileNotFoundException($"kpn is not built: neither {string.Join(" nor ", places)}");
    }
}
