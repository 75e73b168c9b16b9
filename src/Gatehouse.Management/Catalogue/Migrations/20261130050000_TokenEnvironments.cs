using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Gatehouse.Management.Migrations
{
    /// <inheritdoc />
    public partial class TokenEnvironments : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<string>(name: "environments", table: "join_tokens", nullable: true);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropColumn(name: "environments", table: "join_tokens");
        }
    }
}
