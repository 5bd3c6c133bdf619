namespace KubeProxyNet.Proxy.Config.Tls;

/// <summary>The last version of a secret where that was refused and what was there before stays.</summary>
/// <param name="Secret">The secret: its name, or the resource that it stands in.</param>
/// <param name="Details">Why.</param>
/// <param name="Version">The version that was refused; empty for files without one.</param>
/// <param name="At">When.</param>
public sealed record SecretRefusal(string Secret, string Details, string Version, DateTimeOffset At);
